import { createWriteStream, mkdirSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';

/** A log that has grown beyond this is put aside at the next start; one former log is kept. */
const maxLogBytes = 10 * 1024 * 1024;

export interface LogFiles {
  readonly directory: string;
  /** Appends lines to `<name>.log`. */
  open(name: string): (line: string) => void;
  close(): Promise<void>;
}

/** The children's output, a file each: the terminal stays readable. */
export function openLogFiles(dataDir: string): LogFiles {
  const directory = path.join(dataDir, 'logs');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const streams: ReturnType<typeof createWriteStream>[] = [];
  return {
    directory,
    open(name) {
      const file = path.join(directory, `${name}.log`);
      putAsideWhenLarge(file);
      const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
      // A full disk must not end what runs; the line is lost.
      stream.on('error', () => undefined);
      streams.push(stream);
      return (line) => void stream.write(`${line}\n`);
    },
    async close() {
      await Promise.all(streams.map((stream) => new Promise<void>((resolve) => stream.end(resolve))));
    },
  };
}

function putAsideWhenLarge(file: string): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > maxLogBytes) renameSync(file, `${file}.1`);
}
