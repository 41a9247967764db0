import path from 'node:path';
import { parseArgs } from 'node:util';
import { LaunchError } from './launch-error.ts';

/** What `npm run demo` shall do. */
export interface DemoArguments {
  readonly task: string;
  /** Absolute paths of the files to attach. */
  readonly files: readonly string[];
  /** Kill the worker and drop the stream under the run, and judge what becomes of it. */
  readonly isChaotic: boolean;
}

const defaultTask =
  'Analyse the attached table: what is in it, how far can it be trusted, and what stands out? Write your findings to report.md.';

const usage = 'Usage: npm run demo -- ["<task>"] [--file PATH]... [--chaos]';

/**
 * Reads the parameters after `npm run demo --`. Without a task and without a file the example table is analysed; a file
 * alone is analysed too. Relative paths begin at `from`. Throws a LaunchError for what it does not understand.
 */
export function readDemoArguments(
  parameters: readonly string[],
  { from, root }: { readonly from: string; readonly root: string },
): DemoArguments {
  let parsed: { values: { file?: string[]; chaos?: boolean }; positionals: string[] };
  try {
    parsed = parseArgs({
      args: [...parameters],
      options: { file: { type: 'string', multiple: true }, chaos: { type: 'boolean' } },
      allowPositionals: true,
    });
  } catch (error) {
    throw new LaunchError(`${(error as Error).message}\n${usage}`, { cause: error });
  }
  // Words without quotes around them are one task all the same.
  const task = parsed.positionals.join(' ').trim();
  const files = (parsed.values.file ?? []).map((file) => path.resolve(from, file));
  const isChaotic = parsed.values.chaos ?? false;
  if (task !== '') return { task, files, isChaotic };
  return {
    task: defaultTask,
    isChaotic,
    files: files.length > 0 ? files : [path.join(root, 'examples', 'airports.csv')],
  };
}
