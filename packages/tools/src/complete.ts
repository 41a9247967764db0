import { defineTool } from '@switchyard/agent';
import type { Todo } from '@switchyard/protocol';
import { z } from 'zod';
import { attachFiles, attachmentsSchema } from './attachments.ts';

const maxCharacters = 50_000;
const maxReasonCharacters = 2000;
/** Items that a refusal names; the rest are counted. */
const maxNamedTodos = 10;

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
  unfinished: z
    .string()
    .trim()
    .min(1)
    .max(maxReasonCharacters)
    .optional()
    .describe('Only when items of your plan stay open: why. Say it in the summary too.'),
});

/** Ends the run with its result. */
export const completeTool = defineTool({
  name: 'complete',
  description:
    'Ends the run: the task is done and checked. The summary is what the user reads as the result. Name the files that were asked for in attachments: the user may not know where to look. Call it alone, once, as the last thing; anything that is still open belongs into the summary. While items of your plan are open it is refused, unless you say in unfinished why they stay so.',
  inputSchema,
  effect: 'once',
  needs: 'nothing',
  async execute({ attachments, unfinished }, context) {
    const open = context.readTodos().filter(({ status }) => status !== 'done');
    if (open.length > 0 && unfinished === undefined) return { outcome: 'error', message: refusalOf(open) };
    const attached = await attachFiles(context, attachments);
    if (attached.outcome === 'error') return attached;
    return {
      outcome: 'ok',
      output: 'The run is completed.',
      ...attached.shown,
      end: { reason: 'finished' },
    };
  },
});

/** Names what is open, so that the model need not look for its plan. */
function refusalOf(open: readonly Todo[]): string {
  const named = open.slice(0, maxNamedTodos).map(({ text, status }) => `- ${text} (${status})`);
  const rest = open.length - named.length;
  return [
    'Not ended: these items of your plan are not done.',
    ...named,
    ...(rest > 0 ? [`- and ${rest} more`] : []),
    'Do them, tick them with todo if they are done, or take them out of the plan if they no longer apply. If they have to stay open, call complete again and say why in unfinished.',
  ].join('\n');
}
