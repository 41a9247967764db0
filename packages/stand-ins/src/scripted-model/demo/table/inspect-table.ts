import type { DemoScript, Outcome } from '../action.ts';
import type { TableSample } from './infer.ts';
import { act, outcomeOf, type Plan, quoted, shell } from '../steps.ts';

/** How many lines are looked at before the script is written; what comes later has to be found by the script. */
const sampleLines = 12;

/** Below what `shell` gives of a command's output; two lines of any table that is worth a report. */
const maxSampleBytes = 24 * 1024;

/** What looking at a table came to: its first lines, or why they cannot be had. */
export type Inspection =
  | ({ readonly outcome: 'seen' } & TableSample)
  | { readonly outcome: 'failed'; readonly said: string };

/** Lists the folder and reads the first lines; a file that the tool cannot show is read by a command. */
export function* inspectTable(file: string, plan: Plan): DemoScript<Inspection> {
  const folder = file.slice(0, file.lastIndexOf('/')) || '.';
  const outcomes = yield act(
    `Let me look at \`${file}\`.`,
    plan.at(0),
    { name: 'list_files', input: { path: folder } },
    { name: 'read_file', input: { path: file, limit: sampleLines } },
  );
  const read = outcomeOf(outcomes, 'read_file');
  const lines = numberedLines(read.text);
  if (lines.length > 1 && !lines.some(isCut)) {
    const [remarks = ''] = read.text.split('\n');
    return {
      outcome: 'seen',
      lines,
      hasByteOrderMark: remarks.includes('byte order mark'),
      encoding: remarks.includes('Latin-1') ? 'windows-1252' : 'utf-8',
    };
  }

  const byCommand = yield act(
    'That tool does not show me whole lines. I try a command.',
    shell(`head -n ${sampleLines} ${quoted(file)} | head -c ${maxSampleBytes}`),
  );
  const head = outcomeOf(byCommand, 'shell');
  const seen = head.text.split('\n').map((line) => line.replace(/\r$/, ''));
  if (head.exitCode === 0 && seen.filter((line) => line !== '').length > 1) {
    return { outcome: 'seen', lines: seen, hasByteOrderMark: false, encoding: 'utf-8' };
  }
  return { outcome: 'failed', said: saidBy([read, head]) };
}

/** The lines of a listing with line numbers; empty when the text is none. */
export function numberedLines(text: string): string[] {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*(\d+)(?:\t|→|: ?| ?\| ?| {1,2})(.*)$/.exec(line);
    if (match && Number(match[1]) === lines.length + 1) lines.push((match[2] ?? '').replace(/\r$/, ''));
    else if (lines.length > 0) break;
  }
  return lines;
}

/** A line that the tool has cut says so at its end: names and types cannot be read from it. */
function isCut(line: string): boolean {
  return /\[… \d+ more bytes in this line\]$/.test(line);
}

function saidBy(outcomes: readonly Outcome[]): string {
  return outcomes.map((outcome) => outcome.text.trim()).find((text) => text !== '') ?? 'nothing';
}
