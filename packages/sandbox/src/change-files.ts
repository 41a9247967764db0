import { isUtf8 } from 'node:buffer';
import { AppError } from '@switchyard/protocol';
import { createNonce } from './call-key.ts';
import { changeScript, type ContentSource, type ScriptChange } from './change-script.ts';
import { ClaimTakenError } from './claim-taken-error.ts';
import { effectClaim } from './claimed-effect.ts';
import { removeScript } from './file-scripts.ts';
import { moveScript } from './move-script.ts';
import { pathError } from './path-errors.ts';
import type { RemoteSandbox, ScriptAnswer } from './remote-sandbox.ts';
import type { Claim, ExpectedVersion, FileChange, Sandbox } from './sandbox.ts';
import { seenKey, versionOfBytes } from './seen-files.ts';
import { quote } from './shell-text.ts';
import { removeWithinMs } from './write-stream.ts';
import { resolveWorkspacePath, uploadPrefix, workspaceRoot as root } from './workspace-path.ts';

/** Larger contents are uploaded, all in one; up to here they travel in the command that puts them in place. */
const maxInlineBytes = 96 * 1024;
const defaultMode = 0o644;

/** Why a change did not happen, from what the sandbox answered or recorded: a word and the number of the path. */
export function explainChange(answer: string, paths: readonly string[]): AppError {
  const [word = '', index = '0'] = answer.trim().split(' ');
  return pathError(word, paths[Number(index)] ?? paths[0] ?? 'The file');
}

function requireOk({ words }: ScriptAnswer, paths: readonly string[], claim: Claim | undefined): void {
  const [word = ''] = words;
  if (word === 'ok') return;
  if (claim && (word === 'taken' || word === 'incarnation')) throw new ClaimTakenError(claim.callId, word);
  // Its own first request, whose line broke, is still at it: what comes of it is not known here.
  if (claim && word === 'unfinished') throw new ClaimTakenError(claim.callId, 'taken');
  throw explainChange(words.join(' '), paths);
}

/** The path of something in the workspace, which the workspace itself is not. */
function resolveEntry(path: string): string {
  const absolutePath = resolveWorkspacePath(path);
  if (absolutePath === root) throw new AppError('invalid_path', 'The workspace itself cannot be changed.');
  return absolutePath;
}

const expectedWord = (expected: ExpectedVersion = 'any'): string | null =>
  expected === 'any' ? null : expected === 'absent' ? expected : expected.version;

/** Text as it is, which the shell itself writes; else, and where quotes would make it long, as base64 for a program. */
function inlineSource(bytes: Uint8Array): ContentSource {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const base64 = buffer.toString('base64');
  if (!isUtf8(buffer) || buffer.includes(0)) return { kind: 'inline', base64 };
  const text = buffer.toString('utf8');
  return Buffer.byteLength(quote(text)) <= base64.length + 2
    ? { kind: 'text', text }
    : { kind: 'inline', base64 };
}

/** All changes as commands inside the sandbox: nothing outside ever opens a path of it. */
export function createFileChanges(
  remote: RemoteSandbox,
): Pick<Sandbox, 'writeFile' | 'replaceFile' | 'changeFiles' | 'move' | 'remove'> {
  type Options = Parameters<Sandbox['changeFiles']>[0];

  /** One that fails leaves nothing behind: it may be the disk that is full. */
  async function upload(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    try {
      await remote.upload(path, bytes, { signal });
    } catch (error) {
      const removal = { what: 'remove an upload', signal: AbortSignal.timeout(removeWithinMs) };
      await remote.runScript(`rm -f -- ${quote(path)}; echo SY1 ok`, removal).catch(() => undefined);
      throw error;
    }
  }

  async function change(
    { changes, readerId, signal, claim }: Options,
    replaced: { readonly resultJson: string | null } | null = null,
  ): Promise<ScriptAnswer> {
    const nonce = createNonce();
    const contents = changes.flatMap((change) => (change.kind === 'write' ? [change.bytes] : []));
    const total = contents.reduce((sum, bytes) => sum + bytes.byteLength, 0);
    const uploadPath = total > maxInlineBytes ? `/tmp/${uploadPrefix}${nonce}` : null;
    let offset = 0;

    function sourceOf(bytes: Uint8Array): ContentSource {
      const length = bytes.byteLength;
      if (uploadPath === null) return inlineSource(bytes);
      offset += length;
      return { kind: 'uploaded', offset: offset - length, length };
    }

    function scriptChange(change: FileChange): ScriptChange {
      const path = resolveEntry(change.path);
      const expected = expectedWord(change.expected);
      const key = readerId === undefined ? null : seenKey(readerId, path);
      switch (change.kind) {
        case 'write':
          return {
            kind: 'write',
            path,
            expected,
            mode: change.mode ?? defaultMode,
            isModeForced: change.isModeForced ?? false,
            source: sourceOf(change.bytes),
            seen: key && { key, version: versionOfBytes(change.bytes) },
            replaced,
          };
        case 'remove':
          return { kind: 'remove', path, expected, isRecursive: change.isRecursive ?? false, seen: key };
      }
    }

    const scriptChanges = changes.map(scriptChange);
    if (uploadPath !== null) await upload(uploadPath, Buffer.concat(contents), signal);
    const script = changeScript({
      claim: effectClaim(claim, nonce),
      root,
      nonce,
      changes: scriptChanges,
      uploadPath,
    });
    // An uploaded content is used up by the first try, and what was expected is gone then; only a claim remembers.
    const isPlain =
      uploadPath === null &&
      replaced === null &&
      changes.every(({ kind, expected = 'any' }) => kind === 'write' && expected === 'any');
    const answer = await remote.runScript(script, {
      what: 'change files',
      signal,
      isRepeatable: isPlain || claim !== undefined,
    });
    requireOk(
      answer,
      changes.map(({ path }) => path),
      claim,
    );
    return answer;
  }

  return {
    async changeFiles(options): Promise<void> {
      if (options.changes.length > 0) await change(options);
    },

    async writeFile({ signal, claim, ...file }): Promise<void> {
      await change({ changes: [{ kind: 'write', ...file }], signal, ...(claim ? { claim } : {}) });
    },

    async replaceFile({ path, bytes, replacedResult, ...options }): Promise<{ replaced: Uint8Array | null }> {
      const resultJson = replacedResult === undefined ? null : JSON.stringify(replacedResult);
      const { words, lines } = await change(
        { changes: [{ kind: 'write', path, bytes }], ...options },
        { resultJson },
      );
      return { replaced: words[1] === 'replaced' ? (lines[0] ?? Buffer.alloc(0)) : null };
    },

    async move({ from, to, isReplacing = false, signal, claim }): Promise<void> {
      const script = moveScript({
        claim: effectClaim(claim, createNonce()),
        root,
        from: resolveEntry(from),
        to: resolveEntry(to),
        isReplacing,
      });
      const options = { what: 'move a file', signal, isRepeatable: claim !== undefined };
      requireOk(await remote.runScript(script, options), [from, to], claim);
    },

    async remove({ path, signal, claim }): Promise<void> {
      const script = removeScript({
        claim: effectClaim(claim, createNonce()),
        path: resolveEntry(path),
        root,
      });
      const options = { what: 'remove a file', signal, isRepeatable: claim !== undefined };
      requireOk(await remote.runScript(script, options), [path], claim);
    },
  };
}
