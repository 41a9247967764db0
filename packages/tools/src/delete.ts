import { defineTool, type ToolResult } from '@switchyard/agent';
import { relativeToWorkspace, resolveWorkspacePath } from '@switchyard/sandbox';
import { z } from 'zod';
import { folderSubject, pathSubject } from './subjects.ts';
import { recoverChange } from './edit-file.ts';

const maxPaths = 200;
/** More than these are many, and a folder with all that is in it may be any number. A guess. */
const maxWithoutConsent = 10;
const maxNamed = 5;

const inputSchema = z.strictObject({
  paths: z
    .array(z.string().min(1))
    .min(1)
    .max(maxPaths)
    .describe(`Files, links or folders in the workspace, at most ${maxPaths}.`),
  recursive: z
    .boolean()
    .optional()
    .describe('Delete folders with all that is in them. Default false: only files, links and empty folders.'),
});

/** Deletes files and folders, all that are named or none. */
export const deleteTool = defineTool({
  name: 'delete',
  description: `Deletes files, links (not what they lead to) and folders: all that are named, or none when one cannot be deleted. There is no way back. A folder that is not empty needs recursive: true. With recursive, or for more than ${maxWithoutConsent} paths, the user is asked first and the call waits for the answer.`,
  inputSchema,
  effect: 'once',
  needs: 'sandbox',
  consent: ({ paths, recursive }) => {
    if (recursive) return `Delete ${nameAll(paths)}, folders with all that is in them. There is no way back.`;
    return paths.length > maxWithoutConsent
      ? `Delete ${paths.length} files: ${nameAll(paths)}. There is no way back.`
      : null;
  },
  subjectsOf: ({ paths, recursive }) =>
    paths.map((path) => (recursive ? folderSubject(path) : pathSubject(path))),
  async execute({ paths, recursive = false }, context): Promise<ToolResult> {
    const wanted = distinct(paths, recursive);
    const output = { deleted: wanted };
    const sandbox = await context.sandbox();
    const claim = await context.claim(output);
    await sandbox.changeFiles({
      changes: wanted.map((path) => ({ kind: 'remove', path, isRecursive: recursive })),
      readerId: context.threadId,
      signal: context.signal,
      claim,
    });
    return { outcome: 'ok', output };
  },
  recover: (record, { paths, recursive = false }) => recoverChange(record, distinct(paths, recursive)),
});

/** Each once; what lies in a folder that goes with all that is in it goes with it. */
function distinct(paths: readonly string[], isRecursive: boolean): string[] {
  const all = new Set(paths.map((path) => relativeToWorkspace(resolveWorkspacePath(path))));
  const isWithinAnother = (path: string) =>
    path.split('/').some((_, index, parts) => index > 0 && all.has(parts.slice(0, index).join('/')));
  return [...all].filter((path) => !isRecursive || !isWithinAnother(path));
}

function nameAll(paths: readonly string[]): string {
  const named = paths.slice(0, maxNamed).join(', ');
  const rest = paths.length - maxNamed;
  return rest > 0 ? `${named} and ${rest} more` : named;
}
