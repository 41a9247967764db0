import type { DemoScript } from './action.ts';
import type { Task } from './conversation.ts';
import { howToUseAModel, introduction } from './introduction.ts';
import { act, complete, isWithoutSandbox, outcomeOf, planOf, quoted, shell, writeFile } from './steps.ts';
import { type Errand, errandsIn } from './text-errands.ts';

/** A note, not a copy: `write_file` refuses a million characters, and nobody reads a tenth of it. */
const maxNoteCharacters = 100_000;

/** A task in words: plans, writes the task down, does the small steps that its text names, checks, completes. */
export function* textTask(task: Task): DemoScript {
  const errands = errandsIn(task);
  const plan = planOf([
    'Write down what was asked',
    ...errands.map((errand) => errand.title),
    'Check what is there now',
    'Report',
  ]);

  yield act(
    `${introduction} For a task in words I do the steps that I can read out of it:\n\n` +
      `${errands.map((errand) => `- ${errand.title}`).join('\n')}\n`,
    plan.at(0),
  );
  const noted = yield act(
    'First I write down the task and look around.',
    writeFile('task.md', `# Task\n\n${task.text.trim().slice(0, maxNoteCharacters).toWellFormed()}\n`),
    shell('pwd && ls -A && node --version'),
  );
  if (noted.some(isWithoutSandbox)) return withoutSandbox(noted.map((outcome) => outcome.text));

  const results: string[] = [];
  for (const [index, errand] of errands.entries()) {
    const outcomes = yield act(`${errand.title}.`, plan.at(index + 1), errand.call);
    results.push(resultOf(errand, outcomeOf(outcomes, errand.call.name).text));
  }

  const made = errands.flatMap((errand) => (errand.makes === null ? [] : [errand.makes]));
  const checked = yield act(
    'Now I check what is in the workspace.',
    plan.at(errands.length + 1),
    shell(`ls -l ${['task.md', ...made].map(quoted).join(' ')}`),
  );
  const isThere = outcomeOf(checked, 'shell').exitCode === 0;
  yield act(isThere ? 'Everything is there.' : 'Not everything is there: the report says so.', plan.done());

  const listing = results.map((result) => `- ${result}`).join('\n');
  const check = isThere
    ? 'The files are in the workspace.'
    : 'The last check failed: look at the files before you use them.';
  return act(
    'Done.',
    complete(`${introduction} This is what I did:\n\n${listing}\n\n${check}\n\n${howToUseAModel}`),
  );
}

/** The end when nothing can run: what the tools said goes to the user as it is. */
export function withoutSandbox(texts: readonly string[]): ReturnType<typeof act> {
  const said = texts.find((text) => /sandbox/i.test(text)) ?? '';
  return act(
    'I cannot go on: no command runs here.',
    complete(`${introduction} My tools have no sandbox to work in: ${said.trim()}\n\n${howToUseAModel}`, {
      unfinished: 'No command runs here.',
    }),
  );
}

/** The first lines of what a step printed, in one line. */
function resultOf(errand: Errand, text: string): string {
  if (errand.makes !== null && /created|overwritten/.test(text)) return errand.title;
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const shown = lines.slice(0, 3).join(' · ').slice(0, 200);
  return shown === '' ? errand.title : `${errand.title}: ${shown}`;
}
