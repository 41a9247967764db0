import { defineTool, type ToolResult } from '@switchyard/agent';
import { laneOfFile } from './file-lane.ts';
import { AppError } from '@switchyard/protocol';
import { z } from 'zod';
import { pathSubject } from './subjects.ts';
import { recoverChange, staleText } from './edit-file.ts';
import { hasOnlyCrlf } from './replace-text.ts';
import { byteOrderMark, encodingOf, kindOfContent, wholeCharacters } from './text-bytes.ts';

/** What a model writes in one answer is far below it; a larger file is made by a script. */
const maxCharacters = 1_000_000;

const inputSchema = z.strictObject({
  path: z.string().min(1).describe('File in the workspace: relative to /workspace, or absolute below it.'),
  content: z.string().max(maxCharacters).describe('The whole content, exactly as it shall be in the file.'),
});

/** Creates or overwrites a whole file. */
export const writeFileTool = defineTool({
  name: 'write_file',
  description: `Writes a whole file as UTF-8, creating it and its folders or overwriting what was there. Others see either the old or the new content, never a half. An existing file keeps its permissions; its line ends and encoding become those of the content, and the answer says when they were others. Refused when the file has changed since you last read or wrote it here. At most ${maxCharacters} characters; for a small change in a large file use str_replace or apply_patch.`,
  inputSchema,
  effect: 'once',
  needs: 'sandbox',
  lane: ({ path }) => laneOfFile(path),
  subjectsOf: ({ path }) => [pathSubject(path)],
  async execute({ path, content }, context): Promise<ToolResult> {
    const bytes = Buffer.from(content, 'utf8');
    const created = { path, outcome: 'created', bytes: bytes.byteLength };
    const overwritten = { ...created, outcome: 'overwritten' };
    const claim = await context.claim(created);
    const sandbox = await context.sandbox();
    const replacing = { path, bytes, readerId: context.threadId, claim, replacedResult: overwritten };
    let replaced: Uint8Array | null;
    try {
      ({ replaced } = await sandbox.replaceFile({ ...replacing, signal: context.signal }));
    } catch (error) {
      if (error instanceof AppError && error.code === 'conflict') return stale(path);
      throw error;
    }
    if (replaced === null) return { outcome: 'ok', output: created };
    const note = noteOf(replaced, bytes);
    return { outcome: 'ok', output: { ...overwritten, ...(note ? { note } : {}) } };
  },
  recover: (record, { path }) =>
    record.output.startsWith('stale ') ? stale(path) : recoverChange(record, [path]),
});

function stale(path: string): ToolResult {
  return { outcome: 'error', message: staleText(path) };
}

/** What the old content had and the new one has not; null when there is nothing to say. */
function noteOf(old: Uint8Array, now: Buffer): string | null {
  if (old.byteLength === 0 || kindOfContent(old).kind === 'binary') return null;
  const before = Buffer.from(old.buffer, old.byteOffset, old.byteLength);
  const mark = Buffer.from(byteOrderMark);
  const lost = [
    ...(hasOnlyCrlf(before) && now.includes(0x0a) && !hasOnlyCrlf(now) ? ['CRLF line ends'] : []),
    ...(before.subarray(0, 3).equals(mark) && !now.subarray(0, 3).equals(mark) ? ['a byte order mark'] : []),
    ...(encodingOf(before.subarray(0, wholeCharacters(before))) === 'latin-1'
      ? ['an encoding that is not UTF-8']
      : []),
  ];
  return lost.length === 0 ? null : `The old content had ${lost.join(' and ')}; the new one has not.`;
}
