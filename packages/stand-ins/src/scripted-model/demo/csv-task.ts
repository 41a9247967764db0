import type { Action, DemoScript } from './action.ts';
import type { Task } from './conversation.ts';
import { howToUseAModel, introduction } from './introduction.ts';
import { act, complete, outcomeOf, type Plan, planOf, shell, writeFile } from './steps.ts';
import { analyseTable } from './table/analyse-table.ts';
import { inferAssumptions } from './table/infer.ts';
import { inspectTable } from './table/inspect-table.ts';
import { type Analysis, findingsOf, renderReport } from './table/report.ts';

/** True for the names of tables: comma, semicolon or tab separated values. */
export function isTable(path: string): boolean {
  return /\.(csv|tsv|tab)$/i.test(path);
}

/** More tables than this would make the demo long, not better. */
const maxTables = 3;

/** An attached table: look, write a script for what is there, run and mend it, report its figures. */
export function* csvTask(task: Task): DemoScript {
  const files = task.files.filter(isTable).slice(0, maxTables);
  const names = files.map((file) => `\`${file}\``).join(', ');
  const plan = planOf([
    `Look at ${files.join(', ')}`,
    'Write an analysis script for what is there',
    'Run it, and mend it where the data disagrees',
    'Write report.md from its figures',
    'Check the report',
  ]);
  yield act(`${introduction} I shall analyse ${names}. This is my plan.`, plan.at(0));

  const analyses: Analysis[] = [];
  for (const [index, file] of files.entries()) {
    const inspection = yield* inspectTable(file, plan);
    if (inspection.outcome === 'failed') return failed(`I cannot read ${file}`, inspection.said);
    const assumptions = inferAssumptions(file, inspection);
    if (!assumptions)
      return failed(`${file} does not look like a table`, inspection.lines.slice(0, 3).join('\n'));
    const suffix = index === 0 ? '' : `-${index + 1}`;
    const result = yield* analyseTable(
      { ...assumptions, output: `analysis${suffix}.jsonl` },
      { script: `analyse${suffix}.mjs`, plan },
    );
    if (result.outcome === 'failed') return failed(`The analysis of ${file} failed`, result.said);
    analyses.push(result.analysis);
  }

  const isWritten = yield* writeReport(
    renderReport(analyses, task.text.split('\n\n')[0]?.trim() ?? ''),
    plan,
  );
  yield act(isWritten ? 'It is.' : 'The check failed; I say so.', plan.done());
  return act('', complete(summaryOf(analyses, isWritten), { attachments: isWritten ? ['report.md'] : [] }));
}

/** Writes the report and looks whether it is there; a second time when it is not, for a write may be cut off. */
function* writeReport(report: string, plan: Plan): DemoScript<boolean> {
  for (const text of ['I write the report from these figures.', 'It is not there. I write it again.']) {
    yield act(text, plan.at(3), writeFile('report.md', report));
    const checked = yield act('I look whether it is there.', plan.at(4), shell('wc -lc report.md'));
    if (outcomeOf(checked, 'shell').exitCode === 0) return true;
  }
  return false;
}

function summaryOf(analyses: readonly Analysis[], isWritten: boolean): string {
  const repairs = analyses.flatMap((analysis) => analysis.repairs);
  return [
    `${introduction} ${isWritten ? 'The report is in `report.md`.' : 'The report could not be checked: look at `report.md` first.'}`,
    ...analyses.map((analysis) =>
      [
        ...(analyses.length > 1 ? [`${analysis.file}:`] : []),
        ...findingsOf(analysis).map((finding) => `- ${finding}`),
      ].join('\n'),
    ),
    repairs.length === 0
      ? 'The script fitted the data at the first run.'
      : `The data made me mend the script:\n\n${repairs.map((reason) => `- ${reason}`).join('\n')}`,
    howToUseAModel,
  ].join('\n\n');
}

/** The honest end of a task that cannot be done: what the tools said goes to the user as it is. */
function failed(what: string, said: string): Action {
  return act(
    `${what}.`,
    complete(
      `${introduction} ${what}. This is what I was told:\n\n${said.slice(0, 1000)}\n\n${howToUseAModel}`,
      { unfinished: `${what.slice(0, 1000).toWellFormed()}.` },
    ),
  );
}
