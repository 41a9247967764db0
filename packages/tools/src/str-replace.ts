import { defineTool, type ToolResult } from '@switchyard/agent';
import { laneOfFile } from './file-lane.ts';
import { maxReadBytes } from '@switchyard/sandbox';
import { z } from 'zod';
import { pathSubject } from './subjects.ts';
import { openForEdit, recoverChange } from './edit-file.ts';
import { explainMiss } from './near-miss.ts';
import { formatNumberedLines, nameLines, shortened } from './numbered-lines.ts';
import {
  maxResultBytes,
  type ReplaceOutcome,
  replaceText,
  textOf,
  type WantedCount,
} from './replace-text.ts';

const maxCharacters = 200_000;
/** Lines of the new content that the result shows around the first replacement. */
const linesAround = 3;
const maxShownLines = 16;
const maxShownCharacters = 300;
const maxNamedLines = 20;

const inputSchema = z.strictObject({
  path: z.string().min(1).describe('File in the workspace: relative to /workspace, or absolute below it.'),
  old_str: z
    .string()
    .min(1)
    .max(maxCharacters)
    .describe(
      'The text to replace, exactly as it is in the file, with enough of its surroundings to be unique.',
    ),
  new_str: z.string().max(maxCharacters).describe('What shall stand there instead; empty to delete.'),
  replace_all: z
    .boolean()
    .optional()
    .describe('Replace every occurrence. Default false: there must be exactly one.'),
  expected_count: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe(
      'Replace every occurrence, and only if there are exactly this many. Without it and replace_all: 1.',
    ),
});

/** Replaces text in a file. */
export const strReplaceTool = defineTool({
  name: 'str_replace',
  description: `Replaces a text in a file by another. old_str must match exactly, whitespace included, and occur once, unless replace_all or expected_count says otherwise; else nothing is changed and the answer says what was found and what is similar. Leave out the line numbers that read_file shows. All other bytes of the file stay as they are: byte order mark, line ends, encoding, permissions. In a file with CRLF line ends the line breaks of both texts are taken as CRLF. Refused when the file has changed since you last read or wrote it here. Files up to ${maxReadBytes / 1024 / 1024} MiB, texts up to ${maxCharacters} characters.`,
  inputSchema,
  effect: 'once',
  needs: 'sandbox',
  lane: ({ path }) => laneOfFile(path),
  subjectsOf: ({ path }) => [pathSubject(path)],
  async execute(input, context): Promise<ToolResult> {
    const { path, old_str: oldText, new_str: newText, replace_all: isAll, expected_count: expected } = input;
    if (oldText === newText) return refuse('old_str and new_str are the same: there is nothing to change.');
    const opened = await openForEdit(context, path);
    if (opened.outcome === 'refused') return refuse(opened.message);
    const { bytes, version } = opened.file;

    const count: WantedCount = expected ?? (isAll ? 'all' : 1);
    const replaced = replaceText(bytes, { oldText, newText, count });
    if (replaced.outcome !== 'replaced') return refuse(whyNot(replaced, { path, oldText, count, bytes }));
    const output = describe(path, replaced);
    const claim = await context.claim(output);
    const sandbox = await context.sandbox();
    await sandbox.changeFiles({
      changes: [{ kind: 'write', path, bytes: replaced.bytes, expected: { version } }],
      readerId: context.threadId,
      signal: context.signal,
      claim,
    });
    return { outcome: 'ok', output };
  },
  recover: (record, { path }) => recoverChange(record, [path]),
});

function refuse(message: string): ToolResult {
  return { outcome: 'error', message };
}

type Replaced = Extract<ReplaceOutcome, { outcome: 'replaced' }>;

function describe(path: string, replaced: Replaced) {
  const { bytes, count, lines, isCrlf } = replaced;
  const rest = lines.length - maxNamedLines;
  return {
    path,
    replacements: count,
    atLines: lines.slice(0, maxNamedLines),
    ...(rest > 0 ? { moreLines: rest } : {}),
    bytes: bytes.byteLength,
    ...(isCrlf ? { lineEnds: 'CRLF, as in the rest of the file' } : {}),
    now: excerpt(bytes, lines[0] ?? 1),
  };
}

/** The new content around the first replacement, with line numbers. */
function excerpt(bytes: Uint8Array, line: number): string {
  const all = textOf(bytes)
    .replace(/\r?\n$/, '')
    .split('\n');
  const first = Math.max(1, line - linesAround);
  const shown = all.slice(first - 1, first - 1 + maxShownLines);
  return formatNumberedLines(
    shown.map((text, index) => ({
      number: first + index,
      text: shortened(text.replace(/\r$/, ''), maxShownCharacters),
    })),
  );
}

function whyNot(
  replaced: Exclude<ReplaceOutcome, Replaced>,
  asked: {
    readonly path: string;
    readonly oldText: string;
    readonly count: WantedCount;
    readonly bytes: Uint8Array;
  },
): string {
  const { path, oldText, count, bytes } = asked;
  switch (replaced.outcome) {
    case 'missing':
      return `old_str was not found in ${path}; nothing was changed. ${explainMiss(textOf(bytes), oldText)}`;
    case 'miscounted': {
      const { lines } = replaced;
      const found = `old_str occurs ${lines.length === 1 ? 'once' : `${lines.length} times`} in ${path}, at ${nameLines(lines)}`;
      return count === 1
        ? `${found}; nothing was changed. Add lines around it until it is unique, or set expected_count to ${lines.length} to replace them all.`
        : `${found}, not ${count} times as expected; nothing was changed.`;
    }
    case 'unencodable':
      return `${path} is not UTF-8 but Latin-1 there, which has no ${replaced.characters}; nothing was changed. Use characters that Latin-1 has, or convert the file to UTF-8 first (iconv in shell).`;
    case 'oversized':
      return `${path} would grow beyond ${maxResultBytes / 1024 / 1024} MiB; nothing was changed.`;
  }
}
