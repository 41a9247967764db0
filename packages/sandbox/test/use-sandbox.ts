import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import type { Sandbox } from '../src/index.ts';
import { startHostProcess, temporaryFolder } from './host-process.ts';

/** Gives a file of tests one sandbox on a host of its own, by `take`, and ends both after them. */
export function useSandbox(take: (sandbox: Sandbox) => void): void {
  let end = async (): Promise<void> => undefined;
  beforeAll(async () => {
    const folder = await temporaryFolder();
    end = () => folder.remove();
    const host = await startHostProcess(folder.path);
    end = async () => {
      await host.end('SIGTERM');
      await folder.remove();
    };
    const { signal } = new AbortController();
    take(await host.sandboxes.open({ projectId: randomUUID(), sandboxId: null, signal }));
  });
  afterAll(async () => {
    await end();
  });
}
