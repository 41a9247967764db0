import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Viewers of one run as bare sockets: thousands of real clients in one process would be all that is tested. */
export interface BareViewers {
  /** How many have been sent the first event. */
  readonly attached: number;
  /** The last ordinal of each once its stream is over; rejects when one is cut off, repeats an event or leaves one out. */
  readonly ended: Promise<readonly number[]>;
  close(): void;
}

/** Opens so many, in turn at each of the streams' urls. */
export function openBareViewers(options: {
  readonly urls: readonly string[];
  readonly token: string;
  readonly count: number;
}): BareViewers {
  const { urls, token, count } = options;
  const sockets: Socket[] = [];
  let attached = 0;

  async function watch(url: string): Promise<number> {
    const { hostname, port, pathname, host } = new URL(url);
    const socket = connect(Number(port), hostname);
    sockets.push(socket);
    socket.write(`GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\n\r\n`);
    let lastOrdinal = 0;
    let rest = '';
    let fault: string | null = null;
    let isDone = false;
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      // Whole lines alone: an id may be cut in two.
      const text = rest + data.toString('latin1');
      const end = text.lastIndexOf('\n') + 1;
      rest = text.slice(end);
      for (const [line, ordinal] of text.slice(0, end).matchAll(/^(?:id: \d+-(\d+)|data: \[DONE\])$/gm)) {
        if (ordinal === undefined) isDone = true;
        else if (Number(ordinal) !== lastOrdinal + 1) fault ??= `${line} came after ordinal ${lastOrdinal}.`;
        else if (++lastOrdinal === 1) attached += 1;
      }
      if (isDone || fault) socket.destroy();
    });
    await once(socket, 'close');
    if (fault || !isDone) throw new Error(fault ?? `Cut off after ordinal ${lastOrdinal}: ${rest}`);
    return lastOrdinal;
  }

  async function watchAll(): Promise<readonly number[]> {
    const ends: Promise<number>[] = [];
    for (let index = 0; index < count; index += 1) {
      const end = watch(urls[index % urls.length] ?? '');
      end.catch(() => undefined);
      ends.push(end);
      // Some at a time: what is tested is no listen queue.
      if (index % 50 === 49) await new Promise(setImmediate);
    }
    return await Promise.all(ends);
  }

  const ended = watchAll();
  ended.catch(() => undefined);
  return {
    get attached() {
      return attached;
    },
    ended,
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
