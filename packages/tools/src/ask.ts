import { defineTool } from '@switchyard/agent';
import { z } from 'zod';
import { attachFiles, attachmentsSchema } from './attachments.ts';

const maxCharacters = 10_000;
const maxChoices = 10;

const inputSchema = z.strictObject({
  question: z
    .string()
    .trim()
    .min(1)
    .max(maxCharacters)
    .describe('One clear question, with what the user must know to answer it.'),
  choices: z
    .array(z.string().trim().min(1).max(200))
    .min(2)
    .max(maxChoices)
    .optional()
    .describe(`Possible answers, at most ${maxChoices}; the user may give another.`),
  attachments: attachmentsSchema,
});

/** Ends the run with a question to the user. */
export const askTool = defineTool({
  name: 'ask',
  description:
    'Asks the user a question and ends this run; the answer starts the next one. Only for a decision that you cannot make and cannot find out by yourself. Call it alone, after your other work is done.',
  inputSchema,
  effect: 'once',
  needs: 'nothing',
  async execute({ attachments }, context) {
    const attached = await attachFiles(context, attachments);
    if (attached.outcome === 'error') return attached;
    return {
      outcome: 'ok',
      output: 'The user was asked; the run ends here.',
      ...attached.shown,
      end: { reason: 'asked' },
    };
  },
});
