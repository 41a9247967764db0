/** One whole command of a client, as a service will see it. */
export interface Command {
  readonly bytes: Buffer;
  /** What it is, in the words of its wire; null for a piece that is no command of its own. */
  readonly label: string | null;
}

/** Takes the bytes of one connection in any pieces and gives back whole commands; the rest waits for more. */
export type CommandSplitter = (bytes: Buffer) => Command[];

type Wire = 'redis' | 'postgres' | 'http';

/** A splitter for one new connection. */
export function createCommandSplitter(wire: Wire): CommandSplitter {
  const read = { redis: readRedis, postgres: createPostgresReader(), http: readHttp }[wire];
  let rest = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const commands: Command[] = [];
    for (;;) {
      const found = read(rest);
      if (found === null) return commands;
      commands.push({ bytes: rest.subarray(0, found.length), label: found.label });
      rest = rest.subarray(found.length);
    }
  };
}

/** The first command of the bytes: its length and label; null while it is not whole. */
type Read = (bytes: Buffer) => { readonly length: number; readonly label: string | null } | null;

/** RESP: an array of bulk strings. A script is named by the first key that it is given. */
const readRedis: Read = (bytes) => {
  const words: string[] = [];
  let at = 0;
  const readNumber = (mark: string): number | null => {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return null;
    const line = bytes.toString('latin1', at, end);
    if (!line.startsWith(mark)) throw new Error(`No Redis command begins with ${line.slice(0, 20)}.`);
    at = end + 2;
    return Number(line.slice(1));
  };
  const count = readNumber('*');
  if (count === null) return null;
  for (let index = 0; index < count; index += 1) {
    const length = readNumber('$');
    if (length === null || bytes.length < at + length + 2) return null;
    words.push(bytes.toString('utf8', at, at + Math.min(length, 200)));
    at += length + 2;
  }
  const [name = '', ...args] = words;
  const command = name.toLowerCase();
  const label = command.startsWith('eval')
    ? `script of ${args[2] ?? ''}`
    : `${command} ${args[0] ?? ''}`.trim();
  return { length: at, label };
};

/** A Postgres client's messages up to the one that ends a command: Sync or a simple query; Flush ends none. */
function createPostgresReader(): Read {
  const statements = new Map<string, string>();
  let hasStarted = false;

  function textOf(query: string): string {
    return /\bselect\s+(\w+)\(/i.exec(query)?.[1] ?? query.trim().split(/\s+/).slice(0, 3).join(' ');
  }

  return (bytes) => {
    if (!hasStarted) {
      const length = bytes.length >= 4 ? bytes.readInt32BE(0) : Infinity;
      if (bytes.length < length) return null;
      hasStarted = true;
      return { length, label: null };
    }
    let label: string | null = null;
    for (let at = 0; bytes.length >= at + 5;) {
      const type = String.fromCharCode(bytes[at] ?? 0);
      const end = at + 1 + bytes.readInt32BE(at + 1);
      if (bytes.length < end) return null;
      const strings = bytes.toString('utf8', at + 5, end).split('\0');
      if (type === 'P') {
        label = textOf(strings[1] ?? '');
        statements.set(strings[0] ?? '', label);
      } else if (type === 'B') label = statements.get(strings[1] ?? '') ?? label;
      else if (type === 'Q') label = textOf(strings[0] ?? '');
      at = end;
      if (type === 'S' || type === 'Q') return { length: end, label: label ?? 'sync' };
      // A password, a flush, the end of the connection: the server is to see it now.
      if (type === 'H' || type === 'p' || type === 'X') return { length: end, label: null };
    }
    return null;
  };
}

/** HTTP/1.1 requests with a length or in chunks. The ids in a path are left out of its label. */
const readHttp: Read = (bytes) => {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return null;
  const head = bytes.toString('latin1', 0, headEnd);
  const bodyLength = bodyLengthOf(head, bytes.subarray(headEnd + 4));
  if (bodyLength === null || bytes.length < headEnd + 4 + bodyLength) return null;
  const [method = '', target = ''] = head.split(' ');
  const path = (target.split('?')[0] ?? '').replaceAll(/\/[0-9a-f-]{16,}/g, '/:id');
  return { length: headEnd + 4 + bodyLength, label: `${method} ${path}` };
};

function bodyLengthOf(head: string, body: Buffer): number | null {
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (length !== undefined) return Number(length);
  if (!/^transfer-encoding: *chunked/im.test(head)) return 0;
  for (let at = 0; ;) {
    const end = body.indexOf('\r\n', at);
    if (end === -1) return null;
    const size = Number.parseInt(body.toString('latin1', at, end), 16);
    at = end + 2 + size + 2;
    if (size === 0) return at;
  }
}
