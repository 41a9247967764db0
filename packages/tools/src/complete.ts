import { defineTool } from '@switchyard/agent';
import { z } from 'zod';
import { attachFiles, attachmentsSchema } from './attachments.ts';

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
  attachments: attachmentsSchema,
});

/** Ends the run with its result. */
export const completeTool = defineTool({
  name: 'complete',
  description:
    'Ends the run: the task is done and checked. The summary is what the user reads as the result. Name the files that were asked for in attachments: the user may not know where to look. Call it alone, once, as the last thing; anything that is still open belongs into the summary.',
  inputSchema,
  effect: 'once',
  needs: 'nothing',
  async execute({ summary, attachments }, context) {
    const attached = await attachFiles(context, attachments);
    if (attached.outcome === 'error') return attached;
    return {
      outcome: 'ok',
      output: 'The run is completed.',
      ...attached.shown,
      end: { reason: 'finished', text: summary },
    };
  },
});
