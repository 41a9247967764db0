import { type FilePatch, type Hunk, patchLine, PatchSyntaxError, type PatchLine } from './file-patch.ts';

const beginMark = '*** Begin Patch';
const endMark = '*** End Patch';
const fileMark = /^\*\*\* (Add|Delete|Update) File: (.+?)\s*$/;
const moveMark = /^\*\*\* Move to: (.+?)\s*$/;
const endOfFileMark = '*** End of File';

/** Whether the text is written in this form: sections of files behind `***`. */
export function isMarkedPatch(lines: readonly string[]): boolean {
  return lines.some((line) => line.trimEnd() === beginMark || fileMark.test(line));
}

/**
 * Reads a patch of the form `*** Begin Patch`, `*** Update File: …`, hunks behind `@@`, `*** End Patch`.
 * @throws PatchSyntaxError
 */
export function parseMarkedPatch(lines: readonly string[]): FilePatch[] {
  const files: FilePatch[] = [];
  const begin = lines.findIndex((line) => line.trimEnd() === beginMark);
  let at = begin + 1;

  const isMark = (line: string) => fileMark.test(line) || line.trimEnd() === endMark;
  const fail = (message: string): never => {
    throw new PatchSyntaxError(at + 1, message);
  };

  /** Blank lines before the next section are nobody's. */
  const restIsBlank: boolean[] = [];
  for (let index = lines.length - 1, isBlank = true; index >= 0; index -= 1) {
    const line = lines[index] ?? '';
    isBlank = isMark(line) || (isBlank && line.trim() === '');
    restIsBlank[index] = isBlank;
  }
  const isRestBlank = (index: number) => restIsBlank[index] ?? true;

  function readAdded(path: string): FilePatch {
    const content: string[] = [];
    for (; at < lines.length && !isMark(lines[at] ?? ''); at += 1) {
      const line = lines[at] ?? '';
      if (line.startsWith('+')) content.push(`${line.slice(1)}\n`);
      else if (line.trim() !== '' || !isRestBlank(at))
        fail(`each line of a file that is added begins with "+"; this one is ${quoted(line)}.`);
    }
    return { kind: 'add', path, content: content.join(''), mode: null };
  }

  function readHunk(path: string, number: number): Hunk {
    const name = `hunk ${number} of ${path} (line ${at + 1} of the patch)`;
    const anchors: string[] = [];
    for (; lines[at]?.startsWith('@@'); at += 1) {
      // Some write line numbers there, as in a diff: without the file's own lines they say nothing.
      const anchor = (lines[at] ?? '')
        .slice(2)
        .replace(/^ ?-\d+(,\d+)? \+\d+(,\d+)? @@/, '')
        .replace(/^ /, '');
      if (anchor.trim() !== '') anchors.push(anchor);
    }
    const hunk: PatchLine[] = [];
    let isAtEnd = false;
    for (; at < lines.length; at += 1) {
      const line = lines[at] ?? '';
      if (line.startsWith('@@') || isMark(line) || isRestBlank(at)) break;
      if (line.trimEnd() === endOfFileMark) {
        isAtEnd = true;
        at += 1;
        break;
      }
      const read = patchLine(line);
      if (!read)
        return fail(`a line of a hunk begins with a space, "-", "+" or "@@"; this one is ${quoted(line)}.`);
      hunk.push(read);
    }
    if (!hunk.some(({ kind }) => kind !== 'keep'))
      fail(`${name} changes nothing: no line begins with "-" or "+".`);
    return { name, anchors, lines: hunk, position: null, isAtEnd, hasFinalEnd: null };
  }

  function readUpdated(path: string): FilePatch {
    const moved = moveMark.exec(lines[at] ?? '');
    if (moved) at += 1;
    const hunks: Hunk[] = [];
    while (at < lines.length && !isMark(lines[at] ?? '') && !isRestBlank(at))
      hunks.push(readHunk(path, hunks.length + 1));
    while (at < lines.length && !isMark(lines[at] ?? '')) at += 1;
    if (hunks.length === 0 && !moved) fail(`there is no hunk for ${path}.`);
    return { kind: 'update', path, moveTo: moved?.[1] ?? null, hunks, mode: null };
  }

  while (at < lines.length) {
    const line = lines[at] ?? '';
    if (line.trimEnd() === endMark) break;
    const [, what, path = ''] = fileMark.exec(line) ?? [];
    if (what === undefined) {
      if (line.trim() === '' || begin === -1) {
        at += 1;
        continue;
      }
      fail(
        `"*** Add File: …", "*** Update File: …", "*** Delete File: …" or "*** End Patch" is due here, not ${quoted(line)}.`,
      );
    }
    at += 1;
    if (what === 'Add') files.push(readAdded(path));
    else if (what === 'Update') files.push(readUpdated(path));
    else files.push({ kind: 'delete', path });
  }
  return files;
}

function quoted(line: string): string {
  return JSON.stringify(line.length <= 80 ? line : `${line.slice(0, 80).toWellFormed()}…`);
}
