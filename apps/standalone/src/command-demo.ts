import { setTimeout as delay } from 'node:timers/promises';
import { type Config, readConfig, readEnvironment, root } from './config.ts';
import { runDemo } from './demo.ts';
import { personAtTerminal } from './demo-consent.ts';
import { readDemoArguments } from './demo-arguments.ts';
import { type DevFile, readDevFile } from './dev-file.ts';
import { findRunningLauncher } from './instance-lock.ts';
import { LaunchError } from './launch-error.ts';
import { type Stack, startStack } from './stack.ts';
import { watchForStop } from './watch-for-stop.ts';

/** A launcher that is just starting may be fetching programs. */
const otherStartMs = 120_000;

/**
 * `npm run demo`: runs one task on the Switchyard that runs from this repository, else on one that is started for it and
 * stopped afterwards. Gives the exit code.
 */
export async function commandDemo(parameters: readonly string[]): Promise<number> {
  const from = process.env['INIT_CWD'] ?? process.cwd();
  const { task, files, isChaotic } = readDemoArguments(parameters, { from, root });
  const environment = readEnvironment(process.env);
  const config = readConfig({ parameters: { port: environment['PORT'] ?? '0' }, environment });
  const stop = watchForStop();

  const running = await findRunningStack(config, stop.signal);
  const own = running === null ? await startOwnStack(config, stop.signal) : null;
  try {
    const { gatewayUrl, apiKey } = running ?? (own as Stack).devFile;
    const { exitCode } = await runDemo({
      gatewayUrl,
      apiKey,
      task,
      files,
      output: process.stdout,
      askPerson: personAtTerminal(),
      signal: stop.signal,
      saveTo: from,
      ...(isChaotic ? { killWorker: () => killWorker(config.dataDir) } : {}),
    });
    return exitCode;
  } finally {
    await own?.stop();
  }
}

/** The launcher starts another one in its place. */
async function killWorker(dataDir: string): Promise<number | null> {
  const pid = (await readDevFile(dataDir))?.pids.worker ?? null;
  if (pid !== null) process.kill(pid, 'SIGKILL');
  return pid;
}

async function startOwnStack(config: Config, signal: AbortSignal): Promise<Stack> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say('Starting Switchyard for this demo');
  const stack = await startStack(config, say, signal);
  say(`  model: ${stack.descriptions.model}\n`);
  return stack;
}

/** What runs from our data directory; waits for one that is just starting. Null when none runs. */
async function findRunningStack(config: Config, signal: AbortSignal): Promise<DevFile | null> {
  for (
    const deadline = Date.now() + otherStartMs;
    Date.now() < deadline;
    await delay(200, undefined, { signal })
  ) {
    if ((await findRunningLauncher(config.dataDir)) === null) return null;
    const devFile = await readDevFile(config.dataDir);
    if (devFile) return devFile;
  }
  throw new LaunchError('Another Switchyard has been starting for too long: see .data/logs, or stop it.');
}
