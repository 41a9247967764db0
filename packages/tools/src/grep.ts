import { defineTool, type ToolResult } from '@switchyard/agent';
import { type SearchAnswer, skippedFolders, workspaceRoot } from '@switchyard/sandbox';
import { z } from 'zod';
import { folderSubject } from './subjects.ts';
import { searchLimits, stoppedText } from './search-limits.ts';

const maxPatternCharacters = 1000;
const maxShownLines = 200;
const maxShownFiles = 500;
const maxContext = 10;
/** About 8,000 tokens. */
const maxBytes = 32 * 1024;

const inputSchema = z.strictObject({
  pattern: z
    .string()
    .min(1)
    .max(maxPatternCharacters)
    .describe('Regular expression, matched within each line; a plain text when literal is true.'),
  path: z.string().min(1).optional().describe('File or folder to search. Default: the whole workspace.'),
  glob: z
    .string()
    .min(1)
    .max(maxPatternCharacters)
    .optional()
    .describe('Only files whose path below `path` fits, for example "*.ts" or "src/**/*.{js,ts}".'),
  literal: z.boolean().optional().describe('The pattern is a plain text. Default false.'),
  ignore_case: z.boolean().optional().describe('Upper and lower case are the same. Default false.'),
  context: z
    .int()
    .min(0)
    .max(maxContext)
    .optional()
    .describe(`Lines to show before and after each match, at most ${maxContext}. Default 0.`),
  files_only: z
    .boolean()
    .optional()
    .describe('Give only the names of files that match, each with its number of matching lines.'),
  offset: z
    .int()
    .min(0)
    .optional()
    .describe('How many matches (with files_only: files) to pass over: to go on where an answer stopped.'),
});

/** Searches the contents of files. */
export const grepTool = defineTool({
  name: 'grep',
  description: `Searches file contents line by line with a regular expression. Files come sorted by path; a match is shown as its line number, a colon and the line, lines around it with a hyphen instead. Works as in most languages (\\d \\w \\s \\b, classes, groups, * + ? {n,m}, (?i), \\p{L}), but without back references and looking ahead or behind, so that it always takes linear time. One call shows at most ${maxShownLines} matches (with files_only ${maxShownFiles} files) and ${maxBytes / 1024} KiB, and says the offset to go on with; long lines are cut around the match. Hidden files are searched; left out are binary files, links, and the folders ${[...skippedFolders].join(', ')} unless path leads into one. ${searchLimits}`,
  inputSchema,
  effect: 'read',
  needs: 'sandbox',
  subjectsOf: ({ path = '.' }) => [folderSubject(path)],
  async execute(input, context): Promise<ToolResult> {
    const { pattern, path = '.', glob = null, offset = 0, files_only: isFilesOnly = false } = input;
    const sandbox = await context.sandbox();
    const answer = await sandbox.search({
      path,
      pattern,
      glob,
      isLiteral: input.literal ?? false,
      isCaseIgnored: input.ignore_case ?? false,
      shows: isFilesOnly ? 'files' : 'lines',
      context: input.context ?? 0,
      skip: offset,
      maxShown: isFilesOnly ? maxShownFiles : maxShownLines,
      maxBytes,
      signal: context.signal,
    });
    const title = `[${path === '.' ? workspaceRoot : path}: ${headOf(answer, { offset, isFilesOnly })}]`;
    const body = answer.files.flatMap((file) => {
      const name = nameOf(path, file.path);
      if (isFilesOnly) return [`${name}: ${count(file.count, 'line')}`];
      return [name, ...linesOf(file)];
    });
    return { outcome: 'ok', output: [title, ...body].join('\n') };
  },
});

function headOf(
  answer: SearchAnswer,
  { offset, isFilesOnly }: { readonly offset: number; readonly isFilesOnly: boolean },
): string {
  const { shown, hasMore, files, searchedFiles, binaryFiles, unreadableFiles, stopped } = answer;
  const what = isFilesOnly
    ? count(shown, 'matching file')
    : `${count(shown, 'match', 'matches')} in ${count(files.length, 'file')}`;
  const remarks = [
    ...(offset > 0 ? [`after the first ${offset}`] : []),
    ...(hasMore
      ? [`there are more: go on with offset ${offset + shown}`]
      : [`${count(searchedFiles, 'file')} searched`]),
    ...(binaryFiles > 0 ? [`${count(binaryFiles, 'binary file')} left out`] : []),
    ...(unreadableFiles > 0 ? [`${count(unreadableFiles, 'file')} could not be read`] : []),
    ...(stopped ? [stoppedText(stopped)] : []),
  ];
  return [shown === 0 ? 'no match' : what, ...remarks].join('; ');
}

/** A gap between lines that do not follow each other is shown as a line of its own. */
function linesOf({ lines }: SearchAnswer['files'][number]): string[] {
  const hasContext = lines.some(({ isMatch }) => !isMatch);
  return lines.flatMap(({ number, text, isMatch }, index) => {
    const previous = lines[index - 1];
    const gap = hasContext && previous && previous.number + 1 < number ? ['  --'] : [];
    return [...gap, `  ${number}${isMatch ? ':' : '-'} ${text}`];
  });
}

function nameOf(path: string, file: string): string {
  const base = path
    .replace(/^\/workspace(\/|$)/, '')
    .replace(/^\.(\/|$)/, '')
    .replace(/\/+$/, '');
  const name = file === '' ? base : base === '' ? file : `${base}/${file}`;
  // A line break in a name would look like another entry.
  return /\p{Cc}/u.test(name) ? JSON.stringify(name) : name;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
