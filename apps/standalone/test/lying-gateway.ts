import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before a gateway and shows its streams wrongly. */
export interface LyingGateway {
  readonly url: string;
  stop(): Promise<void>;
}

/** Of each stream it leaves out the event with an ordinal that ends in 7, and shows the one that ends in 3 twice. */
export async function startLyingGateway(gatewayUrl: () => string): Promise<LyingGateway> {
  const server = createServer((request, response) => {
    const left = new AbortController();
    response.on('close', () => left.abort());
    const headers = { ...request.headers } as Record<string, string>;
    delete headers['host'];
    delete headers['connection'];
    fetch(`${gatewayUrl()}${request.url}`, { headers, signal: left.signal })
      .then((answer) => show(answer, response))
      .catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function show(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of answer.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const frame = text.slice(0, end + 2);
      text = text.slice(end + 2);
      const [, lastDigit] = /^id: \d+-\d*(\d)$/m.exec(frame) ?? [];
      if (lastDigit !== '7') response.write(frame);
      if (lastDigit === '3') response.write(frame);
    }
  }
  response.end();
}
