import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Claim, ClaimTakenError, createSandboxes, type Sandbox } from '../src/index.ts';
import { faultFor, startFaultyService } from './faulty-service.ts';
import { type HostProcess, startHostProcess, temporaryFolder } from './host-process.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let host: HostProcess;
let sandbox: Sandbox;
const projectId = randomUUID();
const signal = new AbortController().signal;

beforeAll(async () => {
  folder = await temporaryFolder();
  host = await startHostProcess(folder.path);
  sandbox = await host.sandboxes.open({ projectId, sandboxId: null, signal });
});
afterAll(async () => {
  await host?.end('SIGTERM');
  await folder?.remove();
});

const newClaim = (result?: Claim['result']): Claim => ({
  callId: `call_${randomUUID()}`,
  incarnation: sandbox.incarnation,
  ...(result === undefined ? {} : { result }),
});
const run = (command: string, claim?: Claim) =>
  sandbox.run({ command, timeoutMs: 20_000, signal, ...(claim ? { claim } : {}) });
const inspect = ({ callId, incarnation }: Claim) => sandbox.inspectCall(callId, incarnation, { signal });
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = async (path: string): Promise<string> =>
  new TextDecoder().decode((await sandbox.readFile(path, { signal })).bytes);

describe('a claimed call', () => {
  test('happens once, however many ask for it at the same time', async () => {
    const claim = newClaim();
    const marker = `marker-${claim.callId}`;
    const attempts = await Promise.allSettled(
      Array.from({ length: 8 }, () => run(`echo x >> ${marker}`, claim)),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refusals = attempts.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason] : []));
    expect(refusals.every((error) => error instanceof ClaimTakenError && error.because === 'taken')).toBe(
      true,
    );
    expect(await read(marker)).toBe('x\n');
  });

  test('is refused in another incarnation than the one that the ledger names', async () => {
    const claim = { ...newClaim(), incarnation: `${sandbox.id}@00000000-1` };
    const refused = run('touch wrong-incarnation', claim);
    await expect(refused).rejects.toMatchObject({ name: 'ClaimTakenError', because: 'incarnation' });
    const written = sandbox.writeFile({ path: 'wrong-incarnation', bytes: bytes('x'), signal, claim });
    await expect(written).rejects.toMatchObject({ name: 'ClaimTakenError', because: 'incarnation' });
    expect(await sandbox.stat('wrong-incarnation', { signal })).toBeNull();
  });

  test('whose line broke is not known to have failed while it may still happen', async () => {
    const service = await startFaultyService(host.url);
    const sandboxes = createSandboxes({ apiUrl: service.url, apiKey: host.apiKey });
    try {
      const broken = await sandboxes.open({ projectId, sandboxId: null, signal });
      const hold =
        'exec 8>>"$(echo /tmp/.switchyard-*)/changes"; flock 8 || exit; touch held; until [ -e let-go ]; do sleep 0.05; done';
      const holding = run(hold);
      await expect.poll(() => sandbox.stat('held', { signal }), { timeout: 20_000 }).not.toBeNull();
      service.onRequest(faultFor('POST', /execute$/, { kind: 'break-off' }, 1));
      const claim = newClaim('written');
      const changes = [{ kind: 'write', path: 'late', bytes: bytes('late'), expected: 'absent' }] as const;
      await expect(broken.changeFiles({ changes, signal, claim })).rejects.toMatchObject({
        name: 'ClaimTakenError',
        because: 'taken',
      });
      expect(await sandbox.stat('late', { signal })).toBeNull();
      await run('touch let-go');
      await holding;
      const state = async () => (await inspect(claim)).state;
      await expect.poll(state, { timeout: 20_000 }).toBe('recorded');
      expect(await read('late')).toBe('late');
    } finally {
      await sandboxes.close();
      await service.stop();
    }
  });

  test('may have an id of any characters', async () => {
    const claim = { ...newClaim(), callId: '../../x y\'"$(touch /workspace/injected)\n\\' };
    expect(await run('echo fine', claim)).toMatchObject({ output: 'fine\n' });
    expect(await inspect(claim)).toMatchObject({ state: 'recorded' });
    expect(await sandbox.stat('injected', { signal })).toBeNull();
  });

  test('that fails to write its file stays claimed and says why', async () => {
    await run('mkdir -p a-folder');
    const claim = newClaim();
    const failed = sandbox.writeFile({ path: 'a-folder', bytes: bytes('x'), signal, claim });
    await expect(failed).rejects.toMatchObject({ code: 'invalid_path' });
    expect(await inspect(claim)).toMatchObject({ state: 'recorded', exitCode: 1 });
  });
});

describe('the record of a call', () => {
  test('is free before it started', async () => {
    expect(await inspect(newClaim())).toEqual({ state: 'free' });
  });

  test('is unknown in another incarnation', async () => {
    const claim = newClaim();
    await run('true', claim);
    expect(await inspect({ ...claim, incarnation: `${sandbox.id}@00000000-1` })).toEqual({
      state: 'unknown',
    });
  });

  test('holds exit code, output and result', async () => {
    const result = { path: "it's", lines: [1, 2], text: 'ü\n"' };
    const claim = newClaim(result);
    await run('echo out; echo err >&2; exit 4', claim);
    expect(await inspect(claim)).toMatchObject({
      state: 'recorded',
      exitCode: 4,
      output: 'out\nerr\n',
      result,
    });
  });

  test('holds the result of a written file', async () => {
    const claim = newClaim({ bytes: 3 });
    await sandbox.writeFile({ path: 'claimed.txt', bytes: bytes('abc'), signal, claim });
    expect(await inspect(claim)).toEqual({
      state: 'recorded',
      exitCode: 0,
      isTimedOut: false,
      output: '',
      result: { bytes: 3 },
      logPath: expect.stringMatching(/^\/tmp\/\.switchyard-[\w-]+\/call-[0-9a-f]{40}$/),
    });
    const again = sandbox.writeFile({ path: 'claimed.txt', bytes: bytes('xyz'), signal, claim });
    await expect(again).rejects.toBeInstanceOf(ClaimTakenError);
    expect(await read('claimed.txt')).toBe('abc');
  });

  test('of a removed file says so, and a second removal is refused', async () => {
    await run('echo x > removable');
    const claim = newClaim();
    await sandbox.remove({ path: 'removable', signal, claim });
    expect(await inspect(claim)).toMatchObject({ state: 'recorded', exitCode: 0 });
    await run('echo y > removable');
    await expect(sandbox.remove({ path: 'removable', signal, claim })).rejects.toBeInstanceOf(
      ClaimTakenError,
    );
    expect(await read('removable')).toBe('y\n');
  });

  test('of a long output holds its head and its tail', async () => {
    const claim = newClaim();
    await run('echo BEGIN; head -c 2000000 /dev/zero | tr "\\0" x; echo END', claim);
    const record = await inspect(claim);
    if (record.state !== 'recorded') throw new Error(record.state);
    expect(record.output.slice(0, 6)).toBe('BEGIN\n');
    expect(record.output.slice(-4)).toBe('END\n');
    expect(/\[… (\d+) bytes left out …\]/.exec(record.output)?.[1]).toBe(String(2_000_010 - 1024 * 1024));
  });

  test('comes about without the client that started it', async () => {
    const claim = newClaim();
    const gate = `gate-${claim.callId}`;
    const other = createSandboxes({ apiUrl: host.url, apiKey: host.apiKey });
    const otherSandbox = await other.open({ projectId, sandboxId: sandbox.id, signal });
    const lost = otherSandbox.run({
      command: `echo working; while [ ! -e ${gate} ]; do sleep 0.05; done; echo finished`,
      timeoutMs: 600_000,
      signal: AbortSignal.timeout(1_000),
      isKilledBy: () => false,
      claim,
    });
    await expect(lost).rejects.toThrow(/timeout/);
    await other.close();
    expect(await inspect(claim)).toEqual({ state: 'started', startedMsAgo: expect.any(Number) });
    const seen: string[] = [];
    const attached = sandbox.attachCall({
      ...claim,
      timeoutMs: 20_000,
      signal,
      onOutput: (_stream, text) => seen.push(text),
    });
    await run(`touch ${gate}`);
    expect(await attached).toMatchObject({ exitCode: 0, output: 'working\nfinished\n' });
    expect(seen.join('')).toBe('working\nfinished\n');
    expect(await inspect(claim)).toMatchObject({
      state: 'recorded',
      exitCode: 0,
      output: 'working\nfinished\n',
    });
  });
});

describe('a host that is killed', () => {
  test('leaves its sandboxes to the next one: same incarnation, running command, claims', async () => {
    const data = await temporaryFolder();
    const first = await startHostProcess(data.path);
    const project = randomUUID();
    const before = await first.sandboxes.open({ projectId: project, sandboxId: null, signal });
    const claim = { callId: 'call', incarnation: before.incarnation };
    const { promise: started, resolve } = Promise.withResolvers<void>();
    const lost = before.run({
      command: 'echo x >> marker; echo up; while [ ! -e go ]; do sleep 0.05; done; echo done',
      timeoutMs: 600_000,
      signal,
      onOutput: () => resolve(),
      claim,
    });
    await started;
    await Promise.all([expect(lost).rejects.toMatchObject({ code: 'sandbox_failed' }), first.end('SIGKILL')]);
    const second = await startHostProcess(data.path);
    const after = await second.sandboxes.open({ projectId: project, sandboxId: before.id, signal });
    expect(after.incarnation).toBe(before.incarnation);
    const repeated = after.run({ command: 'echo y >> marker', timeoutMs: 5_000, signal, claim });
    await expect(repeated).rejects.toBeInstanceOf(ClaimTakenError);
    expect(await after.inspectCall(claim.callId, claim.incarnation, { signal })).toEqual({
      state: 'started',
      startedMsAgo: expect.any(Number),
    });
    await after.run({ command: 'touch go', timeoutMs: 5_000, signal });
    const attached = await after.attachCall({ ...claim, timeoutMs: 20_000, signal });
    expect(attached).toMatchObject({ exitCode: 0, output: 'up\ndone\n' });
    expect(new TextDecoder().decode((await after.readFile('marker', { signal })).bytes)).toBe('x\n');
    await second.end('SIGTERM');
    await data.remove();
  });
});

describe('sealing a call', () => {
  test('refuses a start that comes later', async () => {
    const claim = newClaim();
    expect(await sandbox.sealCall(claim.callId, claim.incarnation, { signal })).toBe(true);
    await expect(run('touch sealed', claim)).rejects.toBeInstanceOf(ClaimTakenError);
    expect(await sandbox.stat('sealed', { signal })).toBeNull();
    expect(await inspect(claim)).toEqual({ state: 'started', startedMsAgo: expect.any(Number) });
  });

  test('ends what still runs of it', async () => {
    const claim = newClaim();
    const { promise: started, resolve } = Promise.withResolvers<void>();
    const running = sandbox.run({
      command: 'echo up; sleep 600',
      timeoutMs: 600_000,
      signal,
      onOutput: () => resolve(),
      claim,
    });
    await started;
    expect(await sandbox.sealCall(claim.callId, claim.incarnation, { signal })).toBe(false);
    expect(await running).toMatchObject({ outcome: 'killed', exitCode: null, output: 'up\n' });
  });

  test('leaves a recorded call as it is', async () => {
    const claim = newClaim();
    await run('exit 5', claim);
    expect(await sandbox.sealCall(claim.callId, claim.incarnation, { signal })).toBe(false);
    expect(await inspect(claim)).toMatchObject({ state: 'recorded', exitCode: 5 });
  });

  test('races a start, and one of the two wins for good', async () => {
    const markers: { readonly marker: string; readonly isOver: boolean }[] = [];
    for (let round = 0; round < 15; round++) {
      const claim = newClaim();
      const marker = `race-${claim.callId}`;
      const [sealed, started] = await Promise.allSettled([
        sandbox.sealCall(claim.callId, claim.incarnation, { signal }),
        run(`sleep 0.3; touch ${marker}`, claim),
      ]);
      expect(started.status === 'rejected').toBe(sealed.status === 'fulfilled' && sealed.value);
      markers.push({ marker, isOver: started.status === 'rejected' || started.value.outcome === 'killed' });
    }
    // Whatever was told to be over has ended indeed: it would have left its marker by now.
    await run('sleep 1', newClaim());
    for (const { marker, isOver } of markers) {
      expect({ marker, isThere: (await sandbox.stat(marker, { signal })) !== null }).toEqual({
        marker,
        isThere: !isOver,
      });
    }
  });
});

describe('where a sandbox has no room to record a call', () => {
  const fill = 'head -c 400M /dev/zero >/dev/shm/full 2>/dev/null; [ -s /dev/shm/full ]';

  test('the commands that make room again still run', async () => {
    expect(await run(fill, newClaim())).toMatchObject({ exitCode: 0 });
    expect(await run('rm /dev/shm/full', newClaim())).toMatchObject({ exitCode: 0 });
    expect(await run('echo on', newClaim())).toMatchObject({ exitCode: 0, output: 'on\n' });
  });

  test('nothing is started that could not be recorded, and the failure says where the room is', async () => {
    // Whoever opens it again keeps room anew.
    sandbox = await host.sandboxes.open({ projectId, sandboxId: sandbox.id, signal });
    expect(await run(fill, newClaim())).toMatchObject({ exitCode: 0 });
    let turns = 0;
    const useUp = async (): Promise<void> => {
      for (turns = 0; turns < 100; turns++) await run(`touch turn-${turns}`, newClaim());
    };
    await expect(useUp()).rejects.toMatchObject({
      code: 'sandbox_limit',
      detail: expect.stringContaining('/dev/shm'),
    });
    expect(turns).toBeGreaterThan(2);
    expect(await sandbox.stat(`turn-${turns - 1}`, { signal })).not.toBeNull();
    expect(await sandbox.stat(`turn-${turns}`, { signal })).toBeNull();
  });
});
