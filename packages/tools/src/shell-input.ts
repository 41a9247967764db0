import { defineTool } from '@switchyard/agent';
import { z } from 'zod';
import { commandSubjects } from './subjects.ts';
import { describeDeed, recoverDeed } from './command-deed.ts';

/** What a pipe takes at once on Linux, halved: all of it fits when the command has read what came before. */
const maxTextCharacters = 32_000;
const defaultWaitSeconds = 1;
const maxWaitSeconds = 60;

const inputSchema = z.strictObject({
  id: z.string().min(1).max(100).describe('Id that shell gave.'),
  text: z
    .string()
    .max(maxTextCharacters)
    .optional()
    .describe(`What to write to its standard input, at most ${maxTextCharacters} characters.`),
  newline: z.boolean().optional().describe('Whether a line end follows the text. Default true.'),
  key: z
    .enum(['ctrl-c', 'ctrl-d'])
    .optional()
    .describe('ctrl-c interrupts the command (SIGINT); ctrl-d ends its input after the text, for good.'),
  wait_seconds: z
    .int()
    .min(0)
    .max(maxWaitSeconds)
    .optional()
    .describe(
      `How long to wait for what it prints then, at most ${maxWaitSeconds}. Default ${defaultWaitSeconds}.`,
    ),
});

/** Writes to a command in the background. */
export const shellInputTool = defineTool({
  name: 'shell_input',
  description:
    'Writes to the standard input of a command that shell started with background, and answers with what it prints then. There is no terminal: a program that insists on one does not take it.',
  inputSchema,
  effect: 'once',
  needs: 'sandbox',
  subjectsOf: ({ text = '' }) => commandSubjects(text),
  async execute({ id, text, newline = true, key, wait_seconds: waitSeconds = defaultWaitSeconds }, context) {
    if (text === undefined && key === undefined)
      return { outcome: 'error', message: 'Give a text, a key, or both.' };
    const sandbox = await context.sandbox();
    const deed = await sandbox.sendInput({
      id,
      text: text === undefined ? '' : newline ? `${text}\n` : text,
      isClosing: key === 'ctrl-d',
      isInterrupting: key === 'ctrl-c',
      signal: context.signal,
      claim: await context.claim(),
    });
    return await describeDeed(sandbox, context, { deed, id, waitMs: waitSeconds * 1000 });
  },
  recover: (record, { id }) => recoverDeed(record, id),
});
