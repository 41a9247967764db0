import { defineTool } from '@switchyard/agent';
import { type FileStat, workspaceRoot } from '@switchyard/sandbox';
import { z } from 'zod';
import { folderSubject } from './subjects.ts';

const maxEntries = 500;
const maxDepth = 5;

const inputSchema = z.strictObject({
  path: z.string().min(1).optional().describe('Folder in the workspace. Default: the workspace itself.'),
  depth: z
    .int()
    .min(1)
    .max(maxDepth)
    .optional()
    .describe(`How many levels to list, at most ${maxDepth}. Default 1: the folder's own entries.`),
});

/** Lists a folder. */
export const listFilesTool = defineTool({
  name: 'list_files',
  description: `Lists what is in a folder, hidden entries included, sorted by path: folders end with a slash, links with an at sign, files are followed by their size in bytes. At most ${maxEntries} entries; paths are relative to the workspace and can be given to the other tools as they are.`,
  inputSchema,
  effect: 'read',
  needs: 'sandbox',
  subjectsOf: ({ path = '.' }) => [folderSubject(path)],
  async execute({ path = '.', depth = 1 }, context) {
    const sandbox = await context.sandbox();
    const { entries, isTruncated } = await sandbox.list(path, { depth, maxEntries, signal: context.signal });
    const levels = depth === 1 ? '' : `, ${depth} levels`;
    const count = isTruncated
      ? `the first ${entries.length} entries, there are more: list a folder below it, or use glob`
      : entries.length === 1
        ? '1 entry'
        : `${entries.length} entries`;
    const name = path === '.' ? workspaceRoot : path;
    return {
      outcome: 'ok',
      output: [`[${name}${levels}: ${count}]`, ...entries.map(formatEntry)].join('\n'),
    };
  },
});

function formatEntry({ kind, path, size }: FileStat): string {
  // A line break in a name would look like another entry.
  const name = /\p{Cc}/u.test(path) ? JSON.stringify(path) : path;
  switch (kind) {
    case 'directory':
      return `${name}/`;
    case 'link':
      return `${name}@`;
    case 'file':
      return `${name}  ${size}`;
    case 'other':
      return `${name}  (neither file nor folder)`;
  }
}
