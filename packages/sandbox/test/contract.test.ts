import { randomUUID } from 'node:crypto';
import {
  Daytona,
  DaytonaConflictError,
  DaytonaError,
  DaytonaNotFoundError,
  DaytonaTimeoutError,
  type Sandbox,
} from '@daytonaio/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHostProcess, temporaryFolder } from './host-process.ts';

/**
 * What this package takes for granted of the Daytona wire, asked for by the service's own SDK: of our sandbox host
 * always, of the service itself where a key for it is set (it makes two sandboxes there and removes them).
 */
type Connect = () => Promise<{ readonly daytona: Daytona; readonly close: () => Promise<unknown> }>;

const serviceKey = process.env['DAYTONA_API_KEY'];
if (serviceKey === undefined) {
  process.stderr.write('The contract was NOT tried with the Daytona service: DAYTONA_API_KEY is not set.\n');
}

const connectToOurHost: Connect = async () => {
  const folder = await temporaryFolder();
  const host = await startHostProcess(folder.path);
  const daytona = new Daytona({ apiUrl: host.url, apiKey: host.apiKey, useDeprecatedPolling: true });
  return {
    daytona,
    async close() {
      await daytona[Symbol.asyncDispose]();
      await host.end('SIGTERM');
      await folder.remove();
    },
  };
};

const connectToService: Connect = async () => {
  const apiUrl = process.env['DAYTONA_API_URL'] ?? 'https://app.daytona.io/api';
  const daytona = new Daytona({ apiUrl, apiKey: serviceKey ?? '', useDeprecatedPolling: true });
  return { daytona, close: () => daytona[Symbol.asyncDispose]() };
};

const stateTimeoutS = 120;
/** Where files outlast a stop: our host keeps /workspace, the service's plain snapshots have only a home. */
const findHome = 'if [ -w /workspace ]; then echo /workspace; else echo "$HOME"; fi';

describe('the wire of the sandbox host', () => {
  holdToContract(connectToOurHost);
});
describe.skipIf(serviceKey === undefined)('the wire of the Daytona service', () => {
  holdToContract(connectToService);
});

function holdToContract(connect: Connect): void {
  const name = `switchyard-contract-${randomUUID()}`;
  let side: Awaited<ReturnType<Connect>>;
  let sandbox: Sandbox;
  let home = '';

  beforeAll(async () => {
    side = await connect();
    const labels = { purpose: 'contract' };
    sandbox = await side.daytona.create(
      { name, language: 'javascript', labels, autoStopInterval: 15 },
      { timeout: stateTimeoutS },
    );
    home = (await sandbox.process.executeCommand(findHome)).result.trim();
  }, 180_000);
  afterAll(async () => {
    await sandbox.delete(stateTimeoutS).catch((error: unknown) => {
      if (!(error instanceof DaytonaNotFoundError)) throw error;
    });
    await side.close();
  }, 180_000);

  test('makes sandboxes that are started, with what was asked for', async () => {
    expect(sandbox).toMatchObject({ name, state: 'started', autoStopInterval: 15 });
    expect(sandbox.labels).toMatchObject({ purpose: 'contract' });
    expect(sandbox.id).toMatch(/^[\da-f-]{36}$/);
    expect(sandbox.memory).toBeGreaterThan(0);
    expect(sandbox.disk).toBeGreaterThan(0);
  });

  test('finds them by id and by name, and says when there is none', async () => {
    expect((await side.daytona.get(sandbox.id)).id).toBe(sandbox.id);
    expect((await side.daytona.get(name)).id).toBe(sandbox.id);
    await expect(side.daytona.get(randomUUID())).rejects.toBeInstanceOf(DaytonaNotFoundError);
  });

  test('gives a name once', async () => {
    const again = side.daytona.create({ name, language: 'javascript' }, { timeout: stateTimeoutS });
    await expect(again).rejects.toBeInstanceOf(DaytonaConflictError);
  });

  test('runs a shell text and gives its output, both streams, and its exit code', async () => {
    const script = 'echo out; echo err >&2; printf "%s\\n" "tab\there" "ümläut 🚂"; exit 3';
    const { exitCode, result } = await sandbox.process.executeCommand(script);
    expect(exitCode).toBe(3);
    for (const line of ['out', 'err', 'tab\there', 'ümläut 🚂']) expect(result).toContain(line);
  });

  test('runs in a folder and with an environment', async () => {
    const { result } = await sandbox.process.executeCommand('pwd; echo "$NAMED"', '/tmp', { NAMED: 'a b' });
    expect(result.trim()).toBe('/tmp\na b');
  });

  test('ends a command whose time is over, and says so', async () => {
    const late = sandbox.process.executeCommand('sleep 30', undefined, undefined, 1);
    await expect(late).rejects.toBeInstanceOf(DaytonaTimeoutError);
  });

  test('goes on with what a command left in the background', async () => {
    const file = `/tmp/${randomUUID()}`;
    await sandbox.process.executeCommand(`(sleep 0.3; echo done > ${file}) > /dev/null 2>&1 &`);
    const read = async (): Promise<string> =>
      (await sandbox.process.executeCommand(`cat ${file} 2>/dev/null || true`)).result.trim();
    await expect.poll(read, { timeout: 20_000 }).toBe('done');
  });

  test('takes a file, makes its folder, and keeps every byte', async () => {
    const bytes = Buffer.alloc(300_000, Buffer.from([0, 13, 10, 255, 128]));
    await sandbox.fs.uploadFile(bytes, `${home}/a new folder/file ü.bin`);
    const count = await sandbox.process.executeCommand(`wc -c < "${home}/a new folder/file ü.bin"`);
    expect(count.result.trim()).toBe('300000');
    const sum = 'od -An -tu1 -j 299990 "$FILE" | tr -s " \\n" " "';
    const tail = await sandbox.process.executeCommand(sum, undefined, {
      FILE: `${home}/a new folder/file ü.bin`,
    });
    expect(tail.result.trim()).toBe('0 13 10 255 128 0 13 10 255 128');
  });

  test('stops and starts, keeps files and ends processes', async () => {
    await sandbox.process.executeCommand(`echo kept > ${home}/kept; sleep 600 > /dev/null 2>&1 &`);
    const before = await sandbox.process.executeCommand('cut -d" " -f22 /proc/1/stat');
    await sandbox.stop(stateTimeoutS);
    expect((await side.daytona.get(sandbox.id)).state).toBe('stopped');
    await expect(sandbox.process.executeCommand('true')).rejects.toBeInstanceOf(DaytonaError);
    await sandbox.start(stateTimeoutS);
    const after = await sandbox.process.executeCommand('cut -d" " -f22 /proc/1/stat');
    expect(after.result).not.toBe(before.result);
    const state = await sandbox.process.executeCommand(
      `cat ${home}/kept; cat /proc/[0-9]*/cmdline | tr "\\0" " " | grep -c "sleep [6]00" || true`,
    );
    expect(state.result.trim()).toBe('kept\n0');
  }, 300_000);

  test('puts a stopped one away and takes it up again', async () => {
    await sandbox.stop(stateTimeoutS);
    await sandbox.archive();
    await expect
      .poll(async () => (await side.daytona.get(sandbox.id)).state, { timeout: 240_000, interval: 500 })
      .toBe('archived');
    await sandbox.start(stateTimeoutS);
    expect((await sandbox.process.executeCommand(`cat ${home}/kept`)).result.trim()).toBe('kept');
  }, 400_000);

  test('removes one for good, and gives its name to another', async () => {
    await sandbox.delete(stateTimeoutS);
    const gone = async (): Promise<string> => {
      try {
        return (await side.daytona.get(sandbox.id)).state ?? 'unknown';
      } catch (error) {
        return error instanceof DaytonaNotFoundError ? 'not found' : String(error);
      }
    };
    await expect.poll(gone, { timeout: 120_000 }).toMatch(/not found|destroy/);
    const next = await side.daytona.create({ name, language: 'javascript' }, { timeout: stateTimeoutS });
    sandbox = next;
    expect(
      (await next.process.executeCommand(`ls ${home}/kept 2>/dev/null || echo empty`)).result.trim(),
    ).toBe('empty');
  }, 300_000);
}
