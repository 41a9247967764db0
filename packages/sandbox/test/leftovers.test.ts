import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSandboxes } from '../src/index.ts';
import { type HostProcess, startHostProcess, temporaryFolder } from './host-process.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let host: HostProcess;
const { signal } = new AbortController();
beforeAll(async () => {
  folder = await temporaryFolder();
  host = await startHostProcess(folder.path);
});
afterAll(async () => {
  await host?.end('SIGTERM');
  await folder?.remove();
});

test('an opened sandbox loses the uploads that were broken off long ago, and no others', async () => {
  const wanted = { projectId: randomUUID(), sandboxId: null, signal };
  const first = await host.sandboxes.open(wanted);
  const make =
    'for f in /tmp/.switchyard-upload-old .switchyard-upload-old; do touch -d "6 hours ago" $f; done; touch .switchyard-upload-new; touch -d "6 hours ago" upload-old';
  await first.run({ command: make, timeoutMs: 20_000, signal });
  // Another worker's client, which knows nothing of it yet.
  const others = createSandboxes({ apiUrl: host.url, apiKey: host.apiKey });
  const again = await others.open(wanted);
  const list = async () =>
    (await again.run({ command: 'ls -A /workspace /tmp | grep upload', timeoutMs: 20_000, signal })).output;
  await expect.poll(list, { timeout: 20_000 }).toBe('.switchyard-upload-new\nupload-old\n');
  await others.close();
});

test('an opened sandbox keeps the lock that changes share, however long nobody has made one', async () => {
  const wanted = { projectId: randomUUID(), sandboxId: null, signal };
  const first = await host.sandboxes.open(wanted);
  const bytes = new TextEncoder().encode('text');
  const changes = ['a', 'b'].map((path) => ({ kind: 'write', path, bytes }) as const);
  await first.changeFiles({ changes, signal });
  const run = async (command: string) => (await first.run({ command, timeoutMs: 20_000, signal })).output;
  const find = `ls -i /tmp/.switchyard-*/changes`;
  await run('touch -d "9 hours ago" /tmp/.switchyard-*/changes');
  const lock = await run(find);
  expect(lock).toMatch(/^\d+ \S+changes\n$/);
  const others = createSandboxes({ apiUrl: host.url, apiKey: host.apiKey });
  await others.open(wanted);
  expect(await run(find)).toBe(lock);
  await others.close();
});
