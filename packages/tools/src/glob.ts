import { defineTool, type ToolResult } from '@switchyard/agent';
import { skippedFolders, workspaceRoot } from '@switchyard/sandbox';
import { z } from 'zod';
import { folderSubject } from './subjects.ts';
import { searchLimits, stoppedText } from './search-limits.ts';

const maxShown = 500;
const maxPatternCharacters = 1000;

const inputSchema = z.strictObject({
  pattern: z
    .string()
    .min(1)
    .max(maxPatternCharacters)
    .describe('For example "*.ts", "src/**/*.{js,ts}", "**/test/*".'),
  path: z.string().min(1).optional().describe('Folder to look below. Default: the workspace itself.'),
  offset: z
    .int()
    .min(0)
    .optional()
    .describe('How many files to pass over: to go on where an answer stopped.'),
});

/** Finds files by their paths. */
export const globTool = defineTool({
  name: 'glob',
  description: `Finds files by their path below a folder, sorted, each followed by its size in bytes; links end with an at sign and are not followed. * and ? stand for characters of a name, ** for any folders, [abc] and [!abc] for one character, {one,other} for a choice. A pattern without a slash is looked for in all folders. Hidden files are found; left out are the folders ${[...skippedFolders].join(', ')} unless path leads into one. At most ${maxShown} files a call; the answer says the offset to go on with. ${searchLimits}`,
  inputSchema,
  effect: 'read',
  needs: 'sandbox',
  subjectsOf: ({ path = '.' }) => [folderSubject(path)],
  async execute({ pattern, path = '.', offset = 0 }, context): Promise<ToolResult> {
    const sandbox = await context.sandbox();
    const { signal } = context;
    const { files, hasMore, stopped } = await sandbox.glob({
      path,
      glob: pattern,
      skip: offset,
      maxShown,
      signal,
    });
    const remarks = [
      files.length === 0 ? 'no file' : files.length === 1 ? '1 file' : `${files.length} files`,
      ...(offset > 0 ? [`after the first ${offset}`] : []),
      ...(hasMore ? [`there are more: go on with offset ${offset + files.length}`] : []),
      ...(stopped ? [stoppedText(stopped)] : []),
    ];
    const base = path
      .replace(/^\/workspace(\/|$)/, '')
      .replace(/^\.(\/|$)/, '')
      .replace(/\/+$/, '');
    const lines = files.map((file) => {
      const name = base === '' ? file.path : `${base}/${file.path}`;
      const shown = /\p{Cc}/u.test(name) ? JSON.stringify(name) : name;
      return file.isLink ? `${shown}@` : `${shown}  ${file.size}`;
    });
    return {
      outcome: 'ok',
      output: [`[${path === '.' ? workspaceRoot : path}, ${pattern}: ${remarks.join('; ')}]`, ...lines].join(
        '\n',
      ),
    };
  },
});
