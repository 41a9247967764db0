import { setTimeout as delay } from 'node:timers/promises';
import { banner } from './banner.ts';
import { readConfig, readEnvironment, readParameters } from './config.ts';
import { startStack } from './stack.ts';
import { watchForStop } from './watch-for-stop.ts';

/** An ordered stop of what had started ends earlier; what is then left ends by its guards. */
const giveUpMs = 10_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** `npm start`: starts everything, says what runs, and stops it all when asked to. Gives the exit code. */
export async function commandStart(parameters: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const config = readConfig({
    parameters: readParameters(parameters),
    environment: readEnvironment(process.env),
  });
  const stop = watchForStop();
  const starting = startStack(config, say, stop.signal);
  // A start that is in the middle of something slow, a download say, is not waited for.
  const givenUp = stop.requested.then(() => delay(giveUpMs, null));
  try {
    const stack = await Promise.race([starting, givenUp]);
    if (stack === null) return 1;
    say(banner(stack, (performance.now() - startedAt) / 1000));
    say(`\nStopping (${await stop.requested}) …`);
    await stack.stop();
    say('Everything has stopped.');
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    say('The start was given up.');
  }
  return 0;
}
