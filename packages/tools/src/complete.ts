import { defineTool } from '@switchyard/agent';
import { z } from 'zod';

const maxCharacters = 50_000;

const inputSchema = z.strictObject({
  summary: z
    .string()
    .trim()
    .min(1)
    .max(maxCharacters)
    .describe(
      'The result for the user, in Markdown: what was made and where it lies, the figures, what remains open.',
    ),
});

/** Ends the run with its result. */
export const completeTool = defineTool({
  name: 'complete',
  description:
    'Ends the run: the task is done and checked. The summary is what the user reads as the result. Call it alone, once, as the last thing; anything that is still open belongs into the summary.',
  inputSchema,
  effect: 'once',
  needs: 'nothing',
  execute: ({ summary }) =>
    Promise.resolve({
      outcome: 'ok',
      output: 'The run is completed.',
      end: { reason: 'finished', text: summary },
    }),
});
