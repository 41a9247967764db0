import { pino } from 'pino';
import { ignoreBrokenPipes } from './broken-pipe.ts';
import { redact } from './redact.ts';

export type Logger = pino.Logger;
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
/** Where lines go; standard output when a logger is given none. */
export type LogDestination = pino.DestinationStream;

/**
 * A JSON logger, one line an entry, whose lines are searched for secrets before they are written: members with secret
 * names, bearer tokens, API keys, passwords and tickets in URLs, also inside error messages and stacks.
 */
export function createLogger({
  name,
  level = 'info',
  destination,
}: {
  readonly name: string;
  readonly level?: LogLevel;
  readonly destination?: LogDestination;
}): Logger {
  const options: pino.LoggerOptions = {
    name,
    level,
    base: { pid: process.pid, name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
    hooks: { streamWrite: redact },
  };
  if (destination) return pino(options, destination);
  // Not pino's own destination: at exit it waits for ever when the reader of a pipe has gone away in mid-write.
  ignoreBrokenPipes(process.stdout);
  return pino(options, { write: (line) => void process.stdout.write(line) });
}
