import { expect, it } from 'vitest';
import { createCommandSplitter } from './commands.ts';

const resp = (...words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

function message(type: string, body: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeInt32BE(Buffer.byteLength(body) + 4, 1);
  return Buffer.concat([head, Buffer.from(body)]);
}

const startup = Buffer.concat([Buffer.from([0, 0, 0, 9]), Buffer.from('hello')]);
const streams = {
  redis: {
    bytes: Buffer.from(
      resp('PING') +
        resp('set', 'lease:{sweep}', 'é\r\n$5') +
        resp('evalsha', 'abc', '1', 'run:{x}:log', '1'),
    ),
    labels: ['ping', 'set lease:{sweep}', 'script of run:{x}:log'],
  },
  postgres: {
    bytes: Buffer.concat([
      startup,
      message('p', 'secret\0'),
      message('P', 's1\0\n select claim_run($1, $2) as answer\0\0\0'),
      message('D', 'Ss1\0'),
      message('H', ''),
      message('B', '\0s1\0'),
      message('E', '\0\0\0\0\0'),
      message('S', ''),
      message('Q', 'select 1\0'),
      message('B', '\0s1\0'),
      message('S', ''),
    ]),
    labels: [null, null, null, 'claim_run', 'select 1', 'claim_run'],
  },
  http: {
    bytes: Buffer.from(
      'GET /sandbox/0123456789abcdef-01?x=1 HTTP/1.1\r\nhost: a\r\n\r\n' +
        'POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n\r\n\r\n' +
        'POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nDELETE /c HTTP/1.1\r\n\r\n',
    ),
    labels: ['GET /sandbox/:id', 'POST /a', 'POST /b', 'DELETE /c'],
  },
} as const;

it.each(Object.keys(streams) as (keyof typeof streams)[])(
  'gives the same whole commands of %s, wherever its bytes are cut',
  (wire) => {
    const { bytes, labels } = streams[wire];
    for (let size = 1; size <= bytes.length; size += 1) {
      const split = createCommandSplitter(wire);
      const commands = [];
      for (let at = 0; at < bytes.length; at += size) commands.push(...split(bytes.subarray(at, at + size)));
      expect(commands.map(({ label }) => label)).toEqual(labels);
      expect(Buffer.concat(commands.map((command) => command.bytes))).toEqual(bytes);
    }
  },
);
