import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { EventStream } from './event-stream.ts';
import { RunFeed } from './run-feed.ts';
import { stayLive } from './stay-live.ts';
import type { Viewer } from './viewer.ts';

/** A viewer of a run that is under way, over a connection of his own. */
async function openViewer(): Promise<Viewer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  return {
    runId: 'run',
    stream: new EventStream(response, [], () => undefined),
    position: { epoch: 1, ordinal: 3 },
    hasWritten: true,
    endedAt: null,
    endsAtWait: false,
    isAtWait: false,
    hasLog: true,
    answeredWait: null,
    reopensStep: false,
  };
}

test('a viewer reads the log again when live events were lost while he still read it, or when they are lost later', async () => {
  const feed = new RunFeed('run');
  const viewer = await openViewer();
  const before = feed.reconnects;
  // The connection came back after his read of the log had begun and before he listened.
  feed.reconnect();
  expect(await stayLive(viewer, feed, before)).toBe('read-again');

  const outcomes: string[] = [];
  const staying = stayLive(viewer, feed, feed.reconnects).then((outcome) => outcomes.push(outcome));
  await new Promise(setImmediate);
  expect(outcomes).toEqual([]);
  feed.reconnect();
  await staying;
  expect(outcomes).toEqual(['read-again']);
});
