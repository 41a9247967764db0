import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError } from '@switchyard/process';
import { banner } from './banner.ts';
import { type Config, readConfig, readEnvironment, readParameters } from './config.ts';
import { LaunchError } from './launch-error.ts';
import { startStack } from './stack.ts';
import { watchForStop } from './watch-for-stop.ts';

const giveUpMs = 10_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function start(parameters: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const config: Config = readConfig({
    parameters: readParameters(parameters),
    environment: readEnvironment(process.env),
  });
  const stop = watchForStop();
  try {
    const stack = await Promise.race([startStack(config, say, stop.signal), giveUp(stop.requested)]);
    say(banner(stack, (performance.now() - startedAt) / 1000));
    const reason = await stop.requested;
    say(`\nStopping (${reason}) …`);
    await stack.stop();
    say('Everything has stopped.');
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    say('The start was given up.');
  }
  return 0;
}

/** A start that is in the middle of something slow when it shall stop is left to the guards of its children. */
async function giveUp(requested: Promise<string>): Promise<never> {
  throw new Error(`given up: ${await requested.then((reason) => delay(giveUpMs, reason))}`);
}

async function main([command, ...parameters]: readonly string[]): Promise<number> {
  switch (command) {
    case 'start':
      return start(parameters);
    default:
      throw new LaunchError(
        `There is no command "${command ?? ''}" here: use "npm start" or "npm run demo".`,
      );
  }
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const isExpected = error instanceof LaunchError || error instanceof ConfigurationError;
  process.stderr.write(
    `\n${isExpected ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exit(1);
}
