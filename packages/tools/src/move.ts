import { defineTool, type ToolResult } from '@switchyard/agent';
import { resolveWorkspacePath, workspaceRoot } from '@switchyard/sandbox';
import { z } from 'zod';
import { folderSubject } from './subjects.ts';
import { recoverChange } from './edit-file.ts';

const inputSchema = z.strictObject({
  from: z.string().min(1).describe('File, folder or link in the workspace.'),
  to: z.string().min(1).describe('Its whole new path, name included; folders on the way are made.'),
  overwrite: z
    .boolean()
    .optional()
    .describe('Replace a file that is there. Default false. A folder is never replaced.'),
});

/** Moves or renames one thing. */
export const moveTool = defineTool({
  name: 'move',
  description:
    'Moves or renames a file, a folder with all that is in it, or a link itself. `to` is the whole new path, not the folder to move into. Refused when something is there already, unless it is a file and overwrite is true. One step: it is at the old place or at the new one.',
  inputSchema,
  effect: 'once',
  needs: 'sandbox',
  subjectsOf: ({ from, to }) => [from, to].map(folderSubject),
  async execute({ from, to, overwrite }, context): Promise<ToolResult> {
    const [source, target] = [resolveWorkspacePath(from), resolveWorkspacePath(to)];
    if (source === target) return refuse(`${from} and ${to} are the same place. Nothing was moved.`);
    if (source !== workspaceRoot && target.startsWith(`${source}/`))
      return refuse(`${to} lies within ${from}. Nothing was moved.`);
    const output = { from, to, outcome: 'moved' };
    const sandbox = await context.sandbox();
    const claim = await context.claim(output);
    await sandbox.move({ from, to, isReplacing: overwrite ?? false, signal: context.signal, claim });
    return { outcome: 'ok', output };
  },
  recover: (record, { from, to }) => recoverChange(record, [from, to]),
});

function refuse(message: string): ToolResult {
  return { outcome: 'error', message };
}
