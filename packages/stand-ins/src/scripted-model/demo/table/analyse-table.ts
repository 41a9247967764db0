import type { DemoCall, DemoScript } from '../action.ts';
import { act, outcomeOf, type Plan, quoted, shell, writeFile } from '../steps.ts';
import type { Assumptions } from './assumptions.ts';
import { findEdit } from './edit.ts';
import { readFacts } from './facts.ts';
import { numberedLines } from './inspect-table.ts';
import { renderScript } from './render-script.ts';
import { readProblems, repairAssumptions } from './repair.ts';
import type { Analysis } from './report.ts';

export type AnalysisResult =
  | { readonly outcome: 'analysed'; readonly analysis: Analysis }
  | { readonly outcome: 'failed'; readonly said: string };

/** Each round settles a kind of surprise for good; a table with more kinds than this is none (a guess). */
const maxRounds = 8;

/** More than the script ever writes: 40 columns, three groupings of 15, a few pairs. */
const maxFactLines = 200;

/** Writes the script, runs it, and mends it by what the data showed until it runs through. */
export function* analyseTable(
  first: Assumptions,
  options: { readonly script: string; readonly plan: Plan },
): DemoScript<AnalysisResult> {
  const { script, plan } = options;
  let assumptions = first;
  const repairs: string[] = [];
  let rounds = 0;
  let isRewritten = false;
  yield act(
    `${describe(first)} I write a script for that.`,
    plan.at(1),
    writeFile(script, renderScript(first)),
  );

  // Ends with the first run that finds nothing wrong, with a second failure that no data explains, or after maxRounds.
  for (;;) {
    const ran = yield act(
      rounds === 0 ? 'Now I run it.' : 'And once more.',
      ...(rounds === 0 ? [plan.at(2)] : []),
      shell(`node ${quoted(script)}`),
    );
    const { text, exitCode } = outcomeOf(ran, 'shell');
    const problems = readProblems(text);
    if (exitCode === 0 && problems.length === 0) break;
    if (problems.length === 0 && !isRewritten) {
      isRewritten = true;
      yield act(
        'That is not about the data: the script may not have been written whole, or the run was cut off. Both may be done again.',
        writeFile(script, renderScript(assumptions)),
      );
      continue;
    }
    if (problems.length === 0 || rounds >= maxRounds) return { outcome: 'failed', said: text.trim() };
    const repair = repairAssumptions(assumptions, problems);
    yield act(
      `The run failed, and the data says why.\n\n${repair.reasons.map((reason) => `- ${reason}`).join('\n')}\n`,
      changeOf(script, renderScript(assumptions), renderScript(repair.assumptions)),
    );
    assumptions = repair.assumptions;
    repairs.push(...repair.reasons);
    rounds += 1;
  }

  const read = yield act('It ran through. I read its figures.', {
    name: 'read_file',
    input: { path: first.output, limit: maxFactLines },
  });
  const { text } = outcomeOf(read, 'read_file');
  const facts = readFacts(numberedLines(text));
  if (!facts) return { outcome: 'failed', said: text.trim() };
  return { outcome: 'analysed', analysis: { file: first.file, script, facts, repairs } };
}

function changeOf(path: string, before: string, after: string): DemoCall {
  const edit = findEdit(before, after);
  if (!edit) return writeFile(path, after);
  return { name: 'str_replace', input: { path, old_str: edit.oldText, new_str: edit.newText } };
}

function describe({ columns, delimiter, reader, hasHeader }: Assumptions): string {
  const signs: Readonly<Record<string, string>> = {
    ',': 'commas',
    ';': 'semicolons',
    '\t': 'tabs',
    '|': 'bars',
  };
  const types = (['number', 'date', 'text'] as const).flatMap((type) => {
    const many = columns.filter((column) => column.type === type).length;
    return many === 0 ? [] : [`${many} of ${type}s`];
  });
  return (
    `The first lines show ${columns.length} columns between ${signs[delimiter] ?? delimiter}` +
    `${hasHeader ? '' : ', without a header'}: ${types.join(', ')}; ${reader === 'quoted' ? 'some fields are quoted' : 'nothing is quoted'}.`
  );
}
