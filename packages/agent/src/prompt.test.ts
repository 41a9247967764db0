import { expect, it } from 'vitest';
import { callsAsTextPrompt, summaryPrompt, systemPrompt, titlePrompt } from './prompt.ts';

it('the system prompt reads as reviewed', async () => {
  await expect(systemPrompt({ project: null, run: null })).toMatchFileSnapshot(
    './__snapshots__/system-prompt.md',
  );
});

it('the prompt for a summary reads as reviewed', () => {
  expect(summaryPrompt()).toMatchSnapshot();
});

it('the prompt for a title reads as reviewed', () => {
  expect(titlePrompt()).toMatchSnapshot();
});

it('what models are told that write calls as text reads as reviewed', () => {
  expect(callsAsTextPrompt()).toMatchSnapshot();
});

it('instructions of the project and then of the run come last, and empty ones leave no trace', () => {
  const base = systemPrompt({ project: null, run: null });
  expect(systemPrompt({ project: '', run: '  ' })).toBe(base);
  expect(systemPrompt({ project: null, run: 'Answer in rhymes.\n' })).toBe(
    `${base}\n\n# Instructions for this run\n\nAnswer in rhymes.`,
  );
  expect(systemPrompt({ project: 'Figures in euros.', run: 'Answer in rhymes.' })).toBe(
    `${base}\n\n# Instructions for this project\n\nFigures in euros.\n\n# Instructions for this run\n\nAnswer in rhymes.`,
  );
});

it('the system prompt holds nothing that changes from call to call', () => {
  expect(systemPrompt({ project: null, run: null })).not.toMatch(
    /\d{4}-\d{2}-\d{2}|\d{1,2}:\d{2}|[0-9a-f]{8}-[0-9a-f]{4}/,
  );
});
