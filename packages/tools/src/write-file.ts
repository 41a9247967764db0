import { type CallRecord, defineTool, type ToolResult } from '@switchyard/agent';
import { z } from 'zod';

/** What a model writes in one answer is far below it; a larger file is made by a script. */
const maxCharacters = 1_000_000;

const inputSchema = z.strictObject({
  path: z.string().min(1).describe('File in the workspace: relative to /workspace, or absolute below it.'),
  content: z.string().max(maxCharacters).describe('The whole content, exactly as it shall be in the file.'),
});

/** Creates or overwrites a whole file. */
export const writeFileTool = defineTool({
  name: 'write_file',
  description: `Writes a whole file as UTF-8, creating it and its folders or overwriting what was there. Others see either the old or the new content, never a half. An existing file keeps its permissions. At most ${maxCharacters} characters; for a small change in a large file use str_replace.`,
  inputSchema,
  effect: 'once',
  needs: 'sandbox',
  async execute({ path, content }, context) {
    const { signal } = context;
    const sandbox = await context.sandbox();
    const isThere = (await sandbox.stat(path, { signal })) !== null;
    const bytes = Buffer.from(content, 'utf8');
    const output = { path, outcome: isThere ? 'overwritten' : 'created', bytes: bytes.byteLength };
    await sandbox.writeFile({ path, bytes, signal, claim: await context.claim(output) });
    return { outcome: 'ok', output };
  },
  recover: recoverWrite,
});

/** The result of a write that the sandbox recorded: the claim carries it, the exit code says whether it came to be. */
export function recoverWrite({ exitCode, result }: CallRecord): ToolResult {
  if (exitCode === 0 && result !== null) return { outcome: 'ok', output: result };
  return { outcome: 'error', message: 'The file could not be written; nothing was changed.' };
}
