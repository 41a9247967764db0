import { AppError } from '@switchyard/protocol';
import { callKey, createNonce, tokenOf } from './call-key.ts';
import { ClaimTakenError } from './claim-taken-error.ts';
import type { RemoteSandbox, ScriptAnswer } from './remote-sandbox.ts';
import type { Claim, FileContent, FileStat, Listing, Sandbox } from './sandbox.ts';
import {
  type EffectClaim,
  listScript,
  readScript,
  removeScript,
  statScript,
  writeScript,
} from './file-scripts.ts';
import { relativeToWorkspace, resolveWorkspacePath, workspaceRoot } from './workspace-path.ts';

/** What one `readFile` gives at most, in bytes: larger files are read in pieces. */
export const maxReadBytes = 8 * 1024 * 1024;
/** Larger contents are uploaded; up to here they travel in the command that puts them in place. */
const maxInlineBytes = 96 * 1024;
const defaultMaxEntries = 1_000;
const defaultMode = 0o644;

/** What a script's answer says of a path, as an error. */
function pathError(word: string, path: string): AppError {
  switch (word) {
    case 'not-found':
      return new AppError('not_found', `${path} does not exist.`);
    case 'is-folder':
      return new AppError('invalid_path', `${path} is a folder.`);
    case 'not-a-folder':
      return new AppError('invalid_path', `${path} is not a folder.`);
    case 'not-a-file':
      return new AppError('invalid_path', `${path} is not a regular file.`);
    case 'no-folder':
      return new AppError('invalid_path', `The folder of ${path} cannot be made.`);
    case 'denied':
      return new AppError('invalid_path', `${path} may not be opened: permission denied.`);
    default:
      return new AppError('sandbox_failed', `The sandbox could not work on ${path}.`, {
        cause: new Error(word),
      });
  }
}

function effectClaim(claim: Claim | undefined, nonce: string): EffectClaim | null {
  if (!claim) return null;
  const resultJson = claim.result === undefined ? null : JSON.stringify(claim.result);
  return { key: callKey(claim.callId), token: tokenOf(claim.incarnation), nonce, resultJson };
}

function requireOk({ words }: ScriptAnswer, path: string, claim: Claim | undefined): void {
  const word = words[0] ?? '';
  if (word === 'ok') return;
  if (claim && (word === 'taken' || word === 'incarnation')) throw new ClaimTakenError(claim.callId, word);
  throw pathError(word, path);
}

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

type FileOperations = Pick<Sandbox, 'readFile' | 'writeFile' | 'stat' | 'list' | 'remove'>;

/** All file work as commands inside the sandbox: nothing outside ever opens a path of it. */
export function createFileOperations(remote: RemoteSandbox): FileOperations {
  return {
    async readFile(path, { offset = 0, length = maxReadBytes, signal }): Promise<FileContent> {
      const absolutePath = resolveWorkspacePath(path);
      const script = readScript({ path: absolutePath, offset, length: Math.min(length, maxReadBytes) });
      const { words, lines } = await remote.runScript(script, { what: 'read a file', signal });
      if (words[0] !== 'file') throw pathError(words[0] ?? '', path);
      return { bytes: lines[0] ?? Buffer.alloc(0), size: Number(words[1]) };
    },

    async writeFile({ path, bytes, mode = defaultMode, signal, claim }): Promise<void> {
      const absolutePath = resolveWorkspacePath(path);
      if (absolutePath === workspaceRoot) throw pathError('is-folder', path);
      const nonce = createNonce();
      const isInline = bytes.byteLength <= maxInlineBytes;
      const uploadPath = `/tmp/.switchyard-upload-${nonce}`;
      if (!isInline) await remote.upload(uploadPath, bytes, { signal });
      const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const script = writeScript({
        claim: effectClaim(claim, nonce),
        path: absolutePath,
        nonce,
        mode,
        source: isInline
          ? { kind: 'inline', base64: content.toString('base64') }
          : { kind: 'uploaded', path: uploadPath },
      });
      // An uploaded file is used up by the first try; only a claim remembers that it was put in place.
      const isRepeatable = isInline || claim !== undefined;
      requireOk(await remote.runScript(script, { what: 'write a file', signal, isRepeatable }), path, claim);
    },

    async stat(path, { signal }): Promise<FileStat | null> {
      const absolutePath = resolveWorkspacePath(path);
      const { words, lines } = await remote.runScript(statScript(absolutePath), {
        what: 'stat a file',
        signal,
      });
      if (words[0] === 'not-found') return null;
      const [entry] = parseEntries(lines[0], absolutePath);
      if (!entry) throw pathError('failed', path);
      return entry;
    },

    async list(path, { depth = 1, maxEntries = defaultMaxEntries, signal }): Promise<Listing> {
      const absolutePath = resolveWorkspacePath(path);
      const script = listScript({ path: absolutePath, depth, maxEntries });
      const { words, lines } = await remote.runScript(script, { what: 'list a folder', signal });
      if (words[0] !== 'entries') throw pathError(words[0] ?? '', path);
      const entries = parseEntries(lines[0], absolutePath);
      return { entries: entries.slice(0, maxEntries), isTruncated: entries.length > maxEntries };
    },

    async remove({ path, signal, claim }): Promise<void> {
      const absolutePath = resolveWorkspacePath(path);
      if (absolutePath === workspaceRoot) {
        throw new AppError('invalid_path', 'The workspace itself cannot be removed.');
      }
      const script = removeScript({ claim: effectClaim(claim, createNonce()), path: absolutePath });
      const options = { what: 'remove a file', signal, isRepeatable: claim !== undefined };
      requireOk(await remote.runScript(script, options), path, claim);
    },
  };
}
