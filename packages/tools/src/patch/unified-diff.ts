import { type FilePatch, type Hunk, patchLine, PatchSyntaxError, type PatchLine } from './file-patch.ts';

const hunkHeader = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/** Whether the text is written in this form: `---`, `+++` and `@@ -1,2 +1,3 @@`, or git's own headers. */
export function isUnifiedDiff(lines: readonly string[]): boolean {
  return lines.some(
    (line, index) =>
      line.startsWith('diff --git ') || (line.startsWith('--- ') && lines[index + 1]?.startsWith('+++ ')),
  );
}

interface Header {
  oldPath: string | null;
  newPath: string | null;
  isNew: boolean;
  isDeleted: boolean;
  mode: number | null;
}

/**
 * Reads a unified diff, as `diff -u` and `git diff` write it.
 * @throws PatchSyntaxError
 */
export function parseUnifiedDiff(lines: readonly string[]): FilePatch[] {
  const files: FilePatch[] = [];
  let at = 0;
  const lineAt = (index: number) => lines[index] ?? '';
  const fail = (message: string): never => {
    throw new PatchSyntaxError(at + 1, message);
  };
  const isFileStart = (index: number) =>
    lineAt(index).startsWith('diff --git ') ||
    (lineAt(index).startsWith('--- ') && lineAt(index + 1).startsWith('+++ '));

  function readHeader(): Header {
    const header: Header = { oldPath: null, newPath: null, isNew: false, isDeleted: false, mode: null };
    const isGit = lineAt(at).startsWith('diff --git ');
    if (isGit) {
      [header.oldPath, header.newPath] = pathsOfGitLine(lineAt(at));
      at += 1;
    }
    for (; at < lines.length; at += 1) {
      const line = lineAt(at);
      const [, word = '', rest = ''] =
        /^(new file mode|deleted file mode|new mode|rename from|rename to|copy from|Binary files|GIT binary patch) ?(.*)$/.exec(
          line,
        ) ?? [];
      if (word === 'new file mode' || word === 'new mode') header.mode = modeOf(rest);
      if (word === 'new file mode') header.isNew = true;
      if (word === 'deleted file mode') header.isDeleted = true;
      if (word === 'rename from') header.oldPath = unquoted(rest);
      if (word === 'rename to') header.newPath = unquoted(rest);
      if (word === 'copy from') fail('copies are not possible; add the file with its content.');
      if (word === 'Binary files' || word === 'GIT binary patch') fail('binary changes are not possible.');
      if (line.startsWith('--- ') && lineAt(at + 1).startsWith('+++ ')) {
        const [older, newer] = [pathOfFileLine(line), pathOfFileLine(lineAt(at + 1))];
        const hasPrefixes =
          (older === '/dev/null' || older.startsWith('a/')) &&
          (newer === '/dev/null' || newer.startsWith('b/'));
        const strip = (path: string) => (hasPrefixes ? path.slice(2) : path);
        header.isNew ||= older === '/dev/null';
        header.isDeleted ||= newer === '/dev/null';
        header.oldPath = older === '/dev/null' ? header.oldPath : strip(older);
        header.newPath = newer === '/dev/null' ? header.newPath : strip(newer);
        at += 2;
        break;
      }
      if (hunkHeader.test(line) || (isGit && line.startsWith('diff --git '))) break;
    }
    return header;
  }

  function readHunk(path: string, number: number): Hunk {
    const [, oldStart, oldCount, , newCount] = hunkHeader.exec(lineAt(at)) ?? [];
    const name = `hunk ${number} of ${path} (line ${at + 1} of the patch)`;
    if (oldStart === undefined) return fail('a hunk of a diff begins with a line like "@@ -10,4 +10,6 @@".');
    let [oldLeft, newLeft] = [Number(oldCount ?? 1), Number(newCount ?? 1)];
    // A hunk that takes nothing away names the line before it.
    const position = oldLeft === 0 ? Number(oldStart) : Number(oldStart) - 1;
    const hunk: PatchLine[] = [];
    let hasFinalEnd: boolean | null = null;
    for (at += 1; at < lines.length; at += 1) {
      const line = lineAt(at);
      if (line.startsWith('\\')) {
        // "\ No newline at end of file" is said of the line before it; of the new file when that is not taken away.
        hasFinalEnd = hunk.at(-1)?.kind === 'remove' ? (hasFinalEnd ?? true) : false;
        continue;
      }
      const isFull = oldLeft <= 0 && newLeft <= 0;
      if (line === '' && at === lines.length - 1) break;
      // Counts are trusted while they last, for "--- x" may be a line; people and models get them wrong, too.
      if (isFull && (line === '' || line === '-- ' || isFileStart(at))) break;
      // A hunk that ends with two lines that look like a file's header has just these two left.
      const isHeader = isFileStart(at) && hunkHeader.test(lineAt(at + 2));
      if (isHeader && (oldLeft !== 1 || newLeft !== 1)) break;
      if (hunkHeader.test(line) || line.startsWith('diff --git ')) break;
      const read = patchLine(line);
      if (!read) {
        if (isFull) break;
        return fail(
          `a line of a hunk begins with a space, "-" or "+"; this one is ${JSON.stringify(line.slice(0, 80))}.`,
        );
      }
      if (read.kind !== 'add') oldLeft -= 1;
      if (read.kind !== 'remove') newLeft -= 1;
      hunk.push(read);
    }
    const isMiscounted = oldLeft !== 0 || newLeft !== 0;
    // Blank lines behind a hunk that was counted wrong are nobody's.
    const last = hunk.findLastIndex(({ kind, text }) => kind !== 'keep' || text !== '');
    if (isMiscounted) hunk.length = last + 1;
    return { name, anchors: [], lines: hunk, position, isAtEnd: false, hasFinalEnd };
  }

  while (at < lines.length) {
    if (!isFileStart(at)) {
      if (hunkHeader.test(lineAt(at)))
        fail('the hunk belongs to no file: "--- a/path" and "+++ b/path" come first.');
      at += 1;
      continue;
    }
    const header = readHeader();
    const path = header.isDeleted ? header.oldPath : (header.newPath ?? header.oldPath);
    if (path === null) return fail('the file has no name.');
    const hunks: Hunk[] = [];
    while (hunkHeader.test(lineAt(at))) hunks.push(readHunk(path, hunks.length + 1));
    files.push(fileOf(header, path, hunks));
  }
  return files;
}

function fileOf(header: Header, path: string, hunks: readonly Hunk[]): FilePatch {
  if (header.isDeleted) return { kind: 'delete', path };
  if (header.isNew) {
    const lines = hunks.flatMap((hunk) =>
      hunk.lines.filter(({ kind }) => kind === 'add').map(({ text }) => text),
    );
    const hasFinalEnd = hunks.at(-1)?.hasFinalEnd !== false;
    const content = lines.join('\n') + (lines.length > 0 && hasFinalEnd ? '\n' : '');
    return { kind: 'add', path, content, mode: header.mode };
  }
  const from = header.oldPath ?? path;
  return { kind: 'update', path: from, moveTo: from === path ? null : path, hunks, mode: header.mode };
}

function modeOf(text: string): number {
  return Number.parseInt(text, 8) & 0o777;
}

/** `--- a/path`, perhaps with a time behind a tab. */
function pathOfFileLine(line: string): string {
  const rest = line.slice(4).replace(/\r$/, '');
  return rest.startsWith('"') ? unquoted(rest) : (rest.split('\t')[0] ?? '').trimEnd();
}

/** `diff --git a/x b/x`; where it is ambiguous, both names are the same, so the line has two equal halves. */
function pathsOfGitLine(line: string): [string | null, string | null] {
  const rest = line.slice('diff --git '.length).replace(/\r$/, '');
  const quotedNames = /^("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|\S+)$/.exec(rest);
  const half = (rest.length - 1) / 2;
  const [first, second] = quotedNames
    ? [unquoted(quotedNames[1] ?? ''), unquoted(quotedNames[2] ?? '')]
    : [rest.slice(0, half), rest.slice(half + 1)];
  return first.startsWith('a/') && second.startsWith('b/') ? [first.slice(2), second.slice(2)] : [null, null];
}

const escapes: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11 };

/** A name as git quotes it: escapes and octal bytes between quotation marks. */
function unquoted(name: string): string {
  const text = name.trimEnd();
  if (!text.startsWith('"') || !text.endsWith('"')) return text;
  const bytes: Buffer[] = [];
  for (const [, octal, letter, plain] of text.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gs)) {
    if (octal !== undefined) bytes.push(Buffer.from([Number.parseInt(octal, 8)]));
    else if (letter !== undefined) bytes.push(Buffer.from([escapes[letter] ?? letter.charCodeAt(0)]));
    else bytes.push(Buffer.from(plain ?? ''));
  }
  return Buffer.concat(bytes).toString('utf8');
}
