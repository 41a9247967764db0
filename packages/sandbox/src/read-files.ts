import { resolveReadablePath } from './command-log.ts';
import { listScript, readScript, statScript } from './file-scripts.ts';
import { pathError } from './path-errors.ts';
import type { RemoteSandbox } from './remote-sandbox.ts';
import type { FileContent, FileStat, Listing, Sandbox } from './sandbox.ts';
import { maxHashedBytes, seenKey } from './seen-files.ts';
import { relativeToWorkspace, resolveWorkspacePath, workspaceRoot as root } from './workspace-path.ts';

/** What one `readFile` gives at most, in bytes: larger files are read in pieces. */
export const maxReadBytes = maxHashedBytes;
const defaultMaxEntries = 1_000;

const kinds: Readonly<Record<string, FileStat['kind']>> = { f: 'file', d: 'directory', l: 'link' };

/** The entries of `find -printf '%P %y %s %T@ %m\0'`; the path comes first and may hold spaces and line breaks. */
function parseEntries(bytes: Buffer | undefined, folder: string): FileStat[] {
  const base = relativeToWorkspace(folder);
  return (bytes ?? Buffer.alloc(0))
    .toString('utf8')
    .split('\0')
    .flatMap((entry): FileStat[] => {
      const [, path, kind = '', size, seconds, mode = ''] =
        /^(.*) (\S) (\d+) ([\d.]+) (\d+)$/s.exec(entry) ?? [];
      if (path === undefined) return [];
      return [
        {
          path: path === '' ? base : base === '.' ? path : `${base}/${path}`,
          kind: kinds[kind] ?? 'other',
          size: Number(size),
          modifiedAtMs: Math.round(Number(seconds) * 1000),
          mode: Number.parseInt(mode, 8),
        },
      ];
    });
}

const knownVersion = (word: string | undefined): string | null =>
  word === undefined || word === '' || word === '-' ? null : word;

/** All reading as commands inside the sandbox: nothing outside ever opens a path of it. */
export function createFileReading(remote: RemoteSandbox): Pick<Sandbox, 'readFile' | 'stat' | 'list'> {
  return {
    async readFile(path, { offset = 0, length = maxReadBytes, reader, signal }): Promise<FileContent> {
      const place = resolveReadablePath(path);
      const script = readScript({
        ...place,
        offset,
        length: Math.min(length, maxReadBytes),
        seen: reader ? { key: seenKey(reader.id, place.path), isRemembered: reader.isRemembered } : null,
      });
      const { words, lines } = await remote.runScript(script, { what: 'read a file', signal });
      if (words[0] !== 'file') throw pathError(words[0] ?? '', path);
      return {
        bytes: lines[0] ?? Buffer.alloc(0),
        size: Number(words[1]),
        version: knownVersion(words[2]),
        lastSeen: knownVersion(words[3]),
        stamp: words[4] ?? '',
      };
    },

    async stat(path, { signal }): Promise<FileStat | null> {
      const absolutePath = resolveWorkspacePath(path);
      const script = statScript({ path: absolutePath, root });
      const { words, lines } = await remote.runScript(script, { what: 'stat a file', signal });
      if (words[0] === 'not-found') return null;
      if (words[0] !== 'entry') throw pathError(words[0] ?? '', path);
      const [entry] = parseEntries(lines[0], absolutePath);
      if (!entry) throw pathError('failed', path);
      return entry;
    },

    async list(path, { depth = 1, maxEntries = defaultMaxEntries, signal }): Promise<Listing> {
      const absolutePath = resolveWorkspacePath(path);
      const script = listScript({ path: absolutePath, root, depth, maxEntries });
      const { words, lines } = await remote.runScript(script, { what: 'list a folder', signal });
      if (words[0] !== 'entries') throw pathError(words[0] ?? '', path);
      const entries = parseEntries(lines[0], absolutePath);
      return { entries: entries.slice(0, maxEntries), isTruncated: entries.length > maxEntries };
    },
  };
}
