import { type Chunk, endingChunks, type Run } from '@switchyard/protocol';
import { finishRun, reclaimRun } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startStack, type Stack } from './stack.ts';
import { collect, connect, fold, idsOf, wholeLog } from './viewer.ts';
import { startWork } from './worker.ts';

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await startStack();
  ({ token } = stack.signIn());
});
afterAll(() => stack.stop());

async function newRun(): Promise<Run> {
  return (await stack.client(token).startRun({ input: 'Do it.' })).run;
}

function streamUrl(run: Run): string {
  return `${stack.url}/v1/runs/${run.id}/stream`;
}

async function storedMessage(run: Run): Promise<unknown> {
  const { messages } = await stack.client(token).messages(run.threadId);
  return messages.at(-1);
}

/** Reads one event, drops the connection, and comes back with its id, to the end. */
async function followReconnecting(
  run: Run,
): Promise<{ ids: string[]; chunks: Chunk[]; connections: number }> {
  const ids: string[] = [];
  const chunks: Chunk[] = [];
  for (let connections = 1; ; connections += 1) {
    const connection = await connect(streamUrl(run), { token, lastEventId: ids.at(-1) ?? null });
    if (connection.status === 204) return { ids, chunks, connections };
    for (;;) {
      const frame = await connection.next();
      if (!frame || frame.data === '[DONE]') break;
      if (frame.id === null) continue;
      ids.push(frame.id);
      chunks.push(JSON.parse(frame.data) as Chunk);
      break;
    }
    connection.close();
  }
}

describe('every viewer of a run', () => {
  test('sees each event once and ends with the stored message: early, reconnecting at every event, and late', async () => {
    const run = await newRun();
    const early = collect(stack.client(token).followRun(run.id));
    const reconnecting = followReconnecting(run);
    const work = await startWork(stack, run);
    await work.step('The quick brown fox jumps over the lazy dog.');
    await work.step('And then it rests.');
    const ended = await work.finish('finished');
    const seen = await early;
    const { ids, chunks, connections } = await reconnecting;
    const late = await collect(stack.client(token).followRun(run.id));

    const expected = wholeLog(work.epoch, work.lastOrdinal);
    expect(ended.lastEventId).toBe(expected.at(-1));
    expect(idsOf(seen)).toEqual(expected);
    expect(ids).toEqual(expected);
    expect(idsOf(late)).toEqual(expected);
    expect(connections).toBeGreaterThan(expected.length);

    const stored = await storedMessage(run);
    expect(stored).toMatchObject({
      id: run.messageId,
      metadata: { status: 'completed', reason: 'finished' },
    });
    expect(await fold(seen.map(({ chunk }) => chunk))).toEqual(stored);
    expect(await fold(chunks)).toEqual(stored);
    expect(await fold(late.map(({ chunk }) => chunk))).toEqual(stored);
  });

  test('gets status, headers and a comment at once, and waits without an id while the run is queued', async () => {
    const run = await newRun();
    const connection = await connect(streamUrl(run), { token });
    expect(connection.status).toBe(200);
    expect(connection.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-vercel-ai-ui-message-stream': 'v1',
      'x-run-id': run.id,
      'x-thread-id': run.threadId,
    });
    const waiting = await connection.next();
    expect(waiting?.id).toBeNull();
    expect(JSON.parse(waiting!.data)).toMatchObject({
      type: 'data-run',
      transient: true,
      data: { status: 'queued' },
    });
    expect(connection.text.startsWith(':\n\n')).toBe(true);
    await vi.waitFor(async () => {
      const place = JSON.parse((await connection.next())!.data) as { data: { queuePosition: number } };
      expect(place.data.queuePosition).toBeGreaterThan(0);
    });
    connection.close();
  });

  test('is told [DONE] after the last event of a failed and of a cancelled run too', async () => {
    for (const [reason, last] of [
      ['model-error', 'error'],
      ['cancelled', 'abort'],
    ] as const) {
      const run = await newRun();
      const work = await startWork(stack, run);
      await work.step('Partly.');
      await work.finish(reason);
      const connection = await connect(streamUrl(run), { token });
      const types: string[] = [];
      for (let frame = await connection.next(); frame; frame = await connection.next()) {
        types.push(frame.data === '[DONE]' ? frame.data : (JSON.parse(frame.data) as Chunk).type);
      }
      expect(types.slice(-3)).toEqual(['message-metadata', last, '[DONE]']);
    }
  });
});

describe('a cursor', () => {
  test('at the last event of an ended run is answered with 204, by header and by query', async () => {
    const run = await newRun();
    const work = await startWork(stack, run);
    await work.step('Short.');
    const { lastEventId } = await work.finish('finished');
    const byHeader = await connect(streamUrl(run), { token, lastEventId });
    expect(byHeader.status).toBe(204);
    const byQuery = await connect(`${streamUrl(run)}?after=${lastEventId}`, { token });
    expect(byQuery.status).toBe(204);
  });

  test('in the header wins over the one in the query', async () => {
    const run = await newRun();
    const work = await startWork(stack, run);
    await work.step('Short.');
    await work.finish('finished');
    const connection = await connect(`${streamUrl(run)}?after=1-2`, { token, lastEventId: '1-4' });
    expect((await connection.next())?.id).toBe('1-5');
    connection.close();
  });

  test.each(['x', '0-1', '1-0', '1', '1-2-3', '-1-2', '1-99999999999999999', '1 -2'])(
    'that is no event id (%s) is 400 bad_cursor',
    async (cursor) => {
      const run = await newRun();
      const response = await fetch(`${streamUrl(run)}?after=${encodeURIComponent(cursor)}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(response.status).toBe(400);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(await response.json()).toMatchObject({ code: 'bad_cursor', status: 400 });
    },
  );

  test.each(['7-3', '1-900', '3-1'])(
    'that the log does not have (%s) gets everything from the start',
    async (cursor) => {
      const run = await newRun();
      const work = await startWork(stack, run);
      await work.step('Short.');
      const connection = await connect(streamUrl(run), { token, lastEventId: cursor });
      const first = await connection.next();
      expect(first).toMatchObject({ id: '1-1' });
      connection.close();
      await work.finish('finished');
      const afterEnd = await collect(stack.client(token).followRun(run.id, { after: cursor }));
      expect(idsOf(afterEnd)).toEqual(wholeLog(1, work.lastOrdinal));
    },
  );
});

describe('a run whose log is gone', () => {
  test('is served from the store when it has ended, equal to the stored message, and its last id gives 204', async () => {
    const run = await newRun();
    const work = await startWork(stack, run);
    await work.step('Kept in the store.');
    await work.step('All of it.');
    const { lastEventId } = await work.finish('finished');
    await stack.redis.del(`run:{${run.id}}:log`, `run:{${run.id}}:meta`);

    const late = await collect(stack.client(token).followRun(run.id));
    expect(idsOf(late)).toEqual([lastEventId]);
    expect(await fold(late.map(({ chunk }) => chunk))).toEqual(await storedMessage(run));
    const resumed = await collect(stack.client(token).followRun(run.id, { after: '1-4' }));
    expect(resumed[0]?.chunk.type).toBe('start');
    expect((await connect(streamUrl(run), { token, lastEventId })).status).toBe(204);
  });

  test('is replayed whole to a viewer who stands exactly where the new log begins', async () => {
    const run = await newRun();
    const work = await startWork(stack, run);
    const viewer = collect(stack.client(token).followRun(run.id));
    await work.step('Before.');
    const connection = await connect(streamUrl(run), { token, lastEventId: `1-${work.lastOrdinal - 1}` });
    expect((await connection.next())?.id).toBe(`1-${work.lastOrdinal}`);
    connection.close();
    await stack.redis.del(`run:{${run.id}}:log`, `run:{${run.id}}:meta`);
    const { epoch } = await reclaimRun(stack.sql, { runId: run.id, epoch: work.epoch });
    const base = { ordinal: work.lastOrdinal, storedSteps: 1, inStep: false };
    const again = await startWork(stack, run, { epoch, base });
    await again.step('After.');
    // One who comes now gets the stored steps in place of what is gone, then the log.
    const late = collect(stack.client(token).followRun(run.id));
    await again.finish('finished');

    const seen = await viewer;
    const ids = idsOf(seen);
    expect(ids).toEqual([
      ...wholeLog(1, work.lastOrdinal),
      ...wholeLog(epoch, again.lastOrdinal).slice(work.lastOrdinal - 1),
    ]);
    const stored = await storedMessage(run);
    expect(await fold(seen.map(({ chunk }) => chunk))).toEqual(stored);
    const lateSeen = await late;
    expect(idsOf(lateSeen)).toEqual(wholeLog(epoch, again.lastOrdinal).slice(work.lastOrdinal - 1));
    expect(await fold(lateSeen.map(({ chunk }) => chunk))).toEqual(stored);
  });

  test('repeats nothing for a viewer at the last stored event, which lies inside the step that is shown again', async () => {
    const run = await newRun();
    const work = await startWork(stack, run);
    const viewer = collect(stack.client(token).followRun(run.id));
    await work.step('Before.');
    const half = await connect(streamUrl(run), { token });
    await work.append([
      { type: 'start-step' },
      { type: 'text-start', id: 'second' },
      { type: 'text-delta', id: 'second', delta: 'In the middle.' },
    ]);
    for (let frame = await half.next(); frame?.id !== `1-${work.lastOrdinal}`; frame = await half.next());
    half.close();
    await stack.redis.del(`run:{${run.id}}:log`, `run:{${run.id}}:meta`);
    const { epoch } = await reclaimRun(stack.sql, { runId: run.id, epoch: work.epoch });
    const base = { ordinal: work.lastOrdinal, storedSteps: 1, inStep: false };
    const again = await startWork(stack, run, { epoch, base });
    await again.step('In the middle.');
    await again.finish('finished');
    const message = await fold((await viewer).map(({ chunk }) => chunk));
    expect(message).toEqual(await storedMessage(run));
    expect(JSON.stringify(message).split('In the middle.')).toHaveLength(2);
  });

  test('is replayed whole to a viewer whose place the new log does not have', async () => {
    const run = await newRun();
    const work = await startWork(stack, run);
    await work.step('Stored before the flush.');
    await work.append([{ type: 'start-step' }, { type: 'text-start', id: 'lost' }]);
    const viewer = collect(stack.client(token).followRun(run.id));
    const half = await connect(streamUrl(run), { token });
    for (let frame = await half.next(); frame?.id !== `1-${work.lastOrdinal}`; frame = await half.next());
    await stack.redis.del(`run:{${run.id}}:log`, `run:{${run.id}}:meta`);
    const { epoch } = await reclaimRun(stack.sql, { runId: run.id, epoch: work.epoch });
    // The worker died with its Redis: what the store knows lies before what viewers have seen.
    const base = { ordinal: work.lastOrdinal - 3, storedSteps: 1, inStep: false };
    const again = await startWork(stack, run, { epoch, base });
    await again.step('Written again.');
    // The connection is cut, never ended, and EventSource is told when to come back.
    await expect(
      (async () => {
        while (await half.next());
        return 'ended cleanly';
      })(),
    ).rejects.toThrow('The connection was cut.');
    expect(half.text).toMatch(/retry: \d+\n\n$/);
    await again.finish('finished');
    expect(await fold((await viewer).map(({ chunk }) => chunk))).toEqual(await storedMessage(run));
  });
});

describe('a run that ended', () => {
  test('before any worker claimed it is a start and an abort, for those who wait and those who come later', async () => {
    const run = await newRun();
    const waiting = collect(stack.client(token).followRun(run.id));
    const { run: cancelled } = await stack.client(token).cancel(run.id);
    expect(cancelled).toMatchObject({ status: 'cancelled', reason: 'cancelled' });
    for (const seen of [await waiting, await collect(stack.client(token).followRun(run.id))]) {
      const types = seen.filter(({ chunk }) => chunk.type !== 'data-run').map(({ chunk }) => chunk.type);
      expect(types).toEqual(['start', 'message-metadata', 'abort']);
      const [cursor] = idsOf(seen);
      expect((await connect(streamUrl(run), { token, lastEventId: cursor ?? '' })).status).toBe(204);
    }
  });

  test('in the store only is ended for its viewers by the gateway, under the ids that the log would have had', async () => {
    const run = await newRun();
    const viewer = collect(stack.client(token).followRun(run.id));
    const work = await startWork(stack, run);
    await work.step('The worker dies right after this.');
    const ended = await work.finish('finished', { isSilent: true });
    const seen = await viewer;
    expect(idsOf(seen)).toEqual(wholeLog(1, work.lastOrdinal + 2));
    expect(idsOf(seen).at(-1)).toBe(ended.lastEventId);
    const stored = await storedMessage(run);
    expect(await fold(seen.map(({ chunk }) => chunk))).toEqual(stored);
    const late = await collect(stack.client(token).followRun(run.id));
    expect(await fold(late.map(({ chunk }) => chunk))).toEqual(stored);
  });
});

test('a viewer who is shown a run anew has no place in it any more, until he has the whole of it', async () => {
  const run = await newRun();
  const work = await startWork(stack, run);
  await work.step('All that is stored.');
  await work.append([{ type: 'start-step' }, { type: 'text-start', id: 'cut' }]);
  const had = `${work.epoch}-${work.lastOrdinal}`;
  // Its worker is slow: the run has ended, and the log lacks more than the gateway can add.
  const closing: Chunk[] = [{ type: 'text-end', id: 'cut' }, { type: 'finish-step' }];
  const lastOrdinal = work.lastOrdinal + closing.length;
  const { run: ended } = await finishRun(stack.sql, {
    runId: run.id,
    epoch: work.epoch,
    reason: 'stuck',
    lastOrdinal,
  });
  const connection = await connect(streamUrl(run), { token, lastEventId: had });
  expect(await connection.next()).toMatchObject({ data: expect.stringContaining('"start"') as string });
  connection.close();
  // Cut off behind that frame, an EventSource comes back with the last id that it was given, and with none when it is empty.
  const seen = connection.text.slice(0, connection.text.indexOf('"start"'));
  const place = [...seen.matchAll(/^id:(.*)$/gm)].at(-1)?.[1]?.trim() ?? had;
  await work.append([...closing, ...endingChunks(ended)]);
  const again = await connect(streamUrl(run), { token, lastEventId: place });
  const chunks: Chunk[] = [];
  for (let frame = await again.next(); frame && frame.data !== '[DONE]'; frame = await again.next())
    chunks.push(JSON.parse(frame.data) as Chunk);
  expect(await fold(chunks)).toMatchObject({
    id: run.messageId,
    parts: [{}, { text: 'All that is stored.' }, {}, {}],
  });
});

test('POST with stream: true answers with the stream', async () => {
  const response = await fetch(`${stack.url}/v1/runs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ input: 'Stream it.', stream: true }),
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const runId = response.headers.get('x-run-id')!;
  expect(response.headers.get('location')).toBe(`/v1/runs/${runId}`);
  expect(response.headers.get('ratelimit')).toMatch(/^"writes";r=\d+;t=\d+$/);
  const { run } = await stack.client(token).getRun(runId);
  expect(response.headers.get('x-thread-id')).toBe(run.threadId);
  const work = await startWork(stack, run);
  await work.step('Streamed.');
  await work.finish('finished');
  const text = await response.text();
  expect(text).toContain('id: 1-1\ndata: {"type":"start"');
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
});

test('a viewer who leaves does not stop the run, and nothing of him stays', async () => {
  const run = await newRun();
  const work = await startWork(stack, run);
  const connection = await connect(streamUrl(run), { token });
  expect((await connection.next())?.id).toBe('1-1');
  connection.close();
  await vi.waitFor(async () => {
    const status = (await (await fetch(`${stack.adminUrl}/status`)).json()) as { followedRuns: number };
    expect(status.followedRuns).toBe(0);
  });
  await work.step('Still going.');
  await work.finish('finished');
  expect((await stack.client(token).getRun(run.id)).run.status).toBe('completed');
});
