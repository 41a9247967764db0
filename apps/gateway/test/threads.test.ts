import { readRunLog } from '@switchyard/bus';
import type { UserId } from '@switchyard/protocol';
import { createApiKey, resolveUser, RunLostError } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStack, type Stack } from './stack.ts';
import { connect } from './viewer.ts';
import { startWork } from './worker.ts';

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await startStack();
  ({ token } = stack.signIn());
});
afterAll(() => stack.stop());

const titles = ({ threads }: { readonly threads: readonly { readonly title: string | null }[] }) =>
  threads.map(({ title }) => title);

describe('the list of threads', () => {
  test('shows what is at work in each, and who waits for an answer', async () => {
    const client = stack.client(stack.signIn().token);
    const idle = await client.threads.create({ title: 'idle' });
    const busy = await client.startRun({ input: 'Work.' });
    const asking = await client.startRun({ input: 'Ask me.' });
    await (await startWork(stack, asking.run)).finish('asked');
    const { threads } = await client.threads.list();
    expect(
      threads.map(({ id, activeRun, needsInput }) => ({ id, status: activeRun?.status, needsInput })),
    ).toEqual([
      { id: asking.thread.id, status: undefined, needsInput: true },
      { id: busy.thread.id, status: 'queued', needsInput: false },
      { id: idle.thread.id, status: undefined, needsInput: false },
    ]);
  });

  test('is searched by title and text, and leaves archived threads out unless they are asked for', async () => {
    const client = stack.client(stack.signIn().token);
    const { thread } = await client.startRun({ input: 'How tall is the Eiffel Tower?' });
    await client.threads.rename(thread.id, 'Heights');
    await client.threads.create({ title: 'The tower of Pisa' });
    await client.threads.create({ title: 'Bridges' });
    expect(titles(await client.threads.list({ search: ' TOWER ' }))).toEqual([
      'The tower of Pisa',
      'Heights',
    ]);
    expect(titles(await client.threads.list({ search: '' }))).toHaveLength(3);
    expect((await client.threads.archive(thread.id)).thread.archived).toBe(true);
    expect(titles(await client.threads.list({ search: 'tower' }))).toEqual(['The tower of Pisa']);
    expect(titles(await client.threads.list({ archived: true }))).toEqual(['Heights']);
    await client.threads.archive(thread.id, false);
    expect(titles(await client.threads.list({ limit: 2 }))).toEqual(['Bridges', 'The tower of Pisa']);
  });
});

test('a thread is renamed, archived and given metadata; what is not named stays', async () => {
  const client = stack.client(token);
  const { thread } = await client.threads.create({ externalId: 'to-change', title: 'old' });
  const response = await fetch(`${stack.url}/v1/threads/to-change`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ metadata: { colour: 'red' }, archived: true }),
  });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    thread: { ...thread, archived: true, metadata: { colour: 'red' } },
  });
  expect((await client.threads.rename('to-change', null)).thread).toMatchObject({
    title: null,
    archived: true,
    metadata: { colour: 'red' },
  });
});

describe('a deleted thread', () => {
  test('is gone, and so is all that was said in it', async () => {
    const client = stack.client(token);
    const { run, thread, project } = await client.startRun({ input: 'A secret.' });
    await (await startWork(stack, run)).finish('answered');
    await client.threads.delete(thread.id);
    for (const read of [
      () => client.threads.read(thread.id),
      () => client.messages(thread.id),
      () => client.getRun(run.id),
      () => client.threads.delete(thread.id),
    ]) {
      await expect(read()).rejects.toMatchObject({ code: 'not_found', status: 404 });
    }
    await expect
      .poll(async () => await readRunLog(stack.redis, run.id, { afterOrdinal: 0 }))
      .toMatchObject({ meta: null, events: [] });
    expect((await client.projects.read(project.id)).project.id).toBe(project.id);
  });

  test('lets its viewers go, on every gateway, and is lost to its worker', async () => {
    const client = stack.client(token);
    const another = await stack.startAnother();
    const { run, thread } = await client.startRun({ input: 'Go on for long.' });
    const work = await startWork(stack, run);
    await work.append([{ type: 'start-step' }, { type: 'text-start', id: 't' }]);
    await work.append([{ type: 'text-delta', id: 't', delta: 'Half a ' }]);
    const viewers = await Promise.all(
      [stack, another].map(async ({ url }) => await connect(`${url}/v1/runs/${run.id}/stream`, { token })),
    );
    const { streamUrl } = await client.createTicket(run.id);
    const waiting = client.getRun(run.id, { waitMs: 60_000 });
    const wasTold = waiting.catch((error: unknown) => error);
    for (const viewer of viewers) await expect.poll(() => viewer.text).toContain('Half a ');
    await client.threads.delete(thread.id);
    for (const viewer of viewers) {
      let last: string | undefined;
      for (let frame = await viewer.next(); frame; frame = await viewer.next()) {
        if (frame.data !== '[DONE]') last = frame.data;
      }
      expect(JSON.parse(last ?? '')).toEqual({ type: 'abort' });
      expect(viewer.text.endsWith('data: [DONE]\n\n')).toBe(true);
    }
    expect(await wasTold).toMatchObject({ code: 'not_found' });
    await expect(work.step('More.')).rejects.toThrow(/gone|not running/);
    await expect(work.finish('finished')).rejects.toBeInstanceOf(RunLostError);
    // What an EventSource takes as the end of its trying.
    expect((await fetch(streamUrl)).status).toBe(401);
    expect((await connect(`${stack.url}/v1/runs/${run.id}/stream`, { token })).status).toBe(404);
  });

  test('before a worker took it lets its viewers go too', async () => {
    const client = stack.client(token);
    const { run, thread } = await client.startRun({ input: 'Wait.' });
    const viewer = await connect(`${stack.url}/v1/runs/${run.id}/stream`, { token });
    await expect.poll(() => viewer.text).toContain('data-run');
    await client.threads.delete(thread.id);
    for (let frame = await viewer.next(); frame; frame = await viewer.next());
    expect(viewer.text).toContain('"abort"');
  });

  test('was made by who deletes it, or the account’s owner: a key gets 403', async () => {
    const person = stack.signIn();
    const client = stack.client(person.token);
    const { thread } = await client.startRun({ input: 'Mine.' });
    const actor = await resolveUser(stack.sql, { userId: person.userId as UserId, email: null });
    const byKey = stack.client((await createApiKey(stack.sql, actor, { name: 'k' })).key);
    await expect(byKey.threads.delete(thread.id)).rejects.toMatchObject({ code: 'forbidden', status: 403 });
    const own = await byKey.startRun({ input: "The key's." });
    await byKey.threads.delete(own.thread.id);
    await byKey.projects.delete(own.project.id);
    expect((await client.threads.read(thread.id)).thread.activeRun?.status).toBe('queued');
  });
});
