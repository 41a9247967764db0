import { defineTool, type ToolResult } from '@switchyard/agent';
import { maxReadBytes } from '@switchyard/sandbox';
import { z } from 'zod';
import { explainMiss } from './near-miss.ts';
import { formatNumberedLines, nameLines, shortened } from './numbered-lines.ts';
import { type ReplaceOutcome, replaceText, textOf } from './replace-text.ts';
import { kindOfContent } from './text-bytes.ts';
import { recoverWrite } from './write-file.ts';

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
});

/** Replaces text in a file. */
export const strReplaceTool = defineTool({
  name: 'str_replace',
  description: `Replaces a text in a file by another. old_str must match exactly, whitespace included, and occur once, unless replace_all is true; otherwise nothing is changed and the answer says what was found. Leave out the line numbers that read_file shows. All other bytes of the file stay as they are; in a file with CRLF line ends the line breaks of both texts are taken as CRLF. Files up to ${maxReadBytes / 1024 / 1024} MiB, texts up to ${maxCharacters} characters.`,
  inputSchema,
  effect: 'once',
  needs: 'sandbox',
  async execute(input, context): Promise<ToolResult> {
    const { path, old_str: oldText, new_str: newText } = input;
    const { signal } = context;
    if (oldText === newText) return refuse('old_str and new_str are the same: there is nothing to change.');
    const sandbox = await context.sandbox();
    const { bytes, size } = await sandbox.readFile(path, { length: maxReadBytes, signal });
    if (size > bytes.byteLength) return refuse(tooLargeText(path, size));
    const content = kindOfContent(bytes);
    if (content.kind === 'binary')
      return refuse(`${path} is ${content.name}, not text. Nothing was changed.`);

    const replaced = replaceText(bytes, { oldText, newText, replaceAll: input.replace_all ?? false });
    switch (replaced.outcome) {
      case 'missing':
        return refuse(
          `old_str was not found in ${path}; nothing was changed. ${explainMiss(textOf(bytes), oldText)}`,
        );
      case 'ambiguous':
        return refuse(ambiguousText(path, replaced.lines));
      case 'replaced': {
        const output = describe(path, replaced);
        const claim = await context.claim(output);
        await sandbox.writeFile({ path, bytes: replaced.bytes, signal, claim });
        return { outcome: 'ok', output };
      }
    }
  },
  recover: recoverWrite,
});

function refuse(message: string): ToolResult {
  return { outcome: 'error', message };
}

function describe(path: string, replaced: Extract<ReplaceOutcome, { outcome: 'replaced' }>) {
  const { bytes, count, lines, isCrlf } = replaced;
  return {
    path,
    replacements: count,
    atLines: lines.slice(0, maxNamedLines),
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

function ambiguousText(path: string, lines: readonly number[]): string {
  return `old_str occurs ${lines.length} times in ${path}, at ${nameLines(lines)}; nothing was changed. Add lines around it until it is unique, or set replace_all to true.`;
}

function tooLargeText(path: string, size: number): string {
  return `${path} has ${size} bytes; str_replace edits files up to ${maxReadBytes / 1024 / 1024} MiB. Use shell with sed, awk or a script.`;
}
