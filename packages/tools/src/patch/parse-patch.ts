import { type FilePatch, PatchSyntaxError } from './file-patch.ts';
import { isMarkedPatch, parseMarkedPatch } from './marked-patch.ts';
import { isUnifiedDiff, parseUnifiedDiff } from './unified-diff.ts';

/**
 * Reads a patch in either form.
 * @throws PatchSyntaxError
 */
export function parsePatch(text: string): FilePatch[] {
  const all = text.split('\n');
  // A patch that came with CRLF throughout means its own lines, not those of the files.
  const isCrlf = all.slice(0, -1).length > 0 && all.slice(0, -1).every((line) => line.endsWith('\r'));
  const lines = isCrlf ? all.map((line) => line.replace(/\r$/, '')) : all;
  if (isMarkedPatch(lines)) return required(parseMarkedPatch(lines));
  if (isUnifiedDiff(lines)) return required(parseUnifiedDiff(lines));
  throw new PatchSyntaxError(
    1,
    'neither "*** Begin Patch" with "*** Update File: …" nor a unified diff with "--- a/…" and "+++ b/…" was found.',
  );
}

function required(files: FilePatch[]): FilePatch[] {
  if (files.length === 0) throw new PatchSyntaxError(1, 'the patch names no file.');
  return files;
}
