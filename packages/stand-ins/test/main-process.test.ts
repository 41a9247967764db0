import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startGuardedProcess } from '../src/index.ts';
import { isAlive, temporaryDirectory } from './temporary-directory.ts';

async function start(name: 'supabase' | 'scripted-model', environment: Record<string, string>) {
  const main = path.resolve(import.meta.dirname, `../src/bin/${name}.ts`);
  const child = await startGuardedProcess({
    command: process.execPath,
    args: [main],
    environment,
    stopSignal: 'TERM',
  });
  onTestFinished(() => child.stop());
  return child;
}

describe('a stand-in as a process of its own', () => {
  test('says when it is ready, answers, and ends cleanly', async () => {
    const dataDir = await temporaryDirectory();
    const supabase = await start('supabase', { DATA_DIR: dataDir });
    const { url, pid } = JSON.parse(await supabase.nextLine(/"ready"/)) as { url: string; pid: number };
    expect(pid).toBe(supabase.pid);
    expect((await fetch(`${url}/auth/v1/.well-known/jwks.json`)).status).toBe(200);
    await supabase.stop();
    expect(await supabase.exited).toBe(0);
    expect(isAlive(pid)).toBe(false);

    const model = await start('scripted-model', { DEMO_DELAY_MS: '0' });
    const ready = JSON.parse(await model.nextLine(/"ready"/)) as { url: string };
    expect((await fetch(`${ready.url}/v1/models`)).status).toBe(200);
  });

  test('ends with one line when its port is in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const child = await start('supabase', { DATA_DIR: await temporaryDirectory(), PORT: String(port) });
    expect(await child.exited).toBe(1);
    expect(child.lastLines()).toEqual([`Port ${port} is in use: the Supabase stand-in cannot listen there.`]);
  });
});
