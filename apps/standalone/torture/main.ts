import { readArguments } from './arguments.ts';
import { exitCodeOf, summaryOf } from './report.ts';
import { torture } from './torture.ts';

/**
 * `npm run torture`: runs in flight while their workers are killed and frozen, gateways replaced, lines cut, services taken
 * away and viewers cut off, all at random. Ends with 0 when nothing was lost, repeated, run twice, paid twice or stuck, and
 * with 1 when anything was, which it names with the seed.
 */
const say = (line: string) => process.stdout.write(`${line}\n`);
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
try {
  const { minutes, seed } = readArguments(process.argv.slice(2), () =>
    Math.floor(Math.random() * 0x1_0000_0000),
  );
  say(`Torturing two gateways and three workers for ${minutes} minutes, seed ${seed} …`);
  const report = await torture({ ms: minutes * 60_000, seed, signal: stopping.signal, say });
  say('');
  for (const line of summaryOf(report)) say(line);
  if (report.violations.length > 0) {
    say(
      `\n${report.violations.length} violations; again with: npm run torture -- --minutes ${minutes} --seed ${seed}`,
    );
  }
  process.exitCode = exitCodeOf(report);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
