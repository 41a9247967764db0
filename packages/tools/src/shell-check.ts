import { defineTool } from '@switchyard/agent';
import { z } from 'zod';
import { describeCommand, listCommand, maxOutputBytes, unknownText } from './command-text.ts';

const maxIds = 8;
const maxWaitSeconds = 600;

const inputSchema = z.strictObject({
  ids: z
    .array(z.string().min(1).max(100))
    .min(1)
    .max(maxIds)
    .optional()
    .describe(
      `Ids that shell gave, at most ${maxIds}. Without them all commands are listed, without output.`,
    ),
  wait_seconds: z
    .int()
    .min(0)
    .max(maxWaitSeconds)
    .optional()
    .describe(`How long to wait at most, up to ${maxWaitSeconds} seconds. Default 0: look and answer.`),
  wait_for: z
    .enum(['output', 'end'])
    .optional()
    .describe('What to wait for: anything new (default), or the end of all of them.'),
  offset: z
    .int()
    .min(0)
    .optional()
    .describe('Byte of the output to begin at. Default: behind what this conversation has been shown.'),
});

/** Looks at commands in the background. A repetition after a crash shows what the first would have shown. */
export const shellCheckTool = defineTool({
  name: 'shell_check',
  description: `Looks at commands that run in the background: status, exit code, and what they printed since this conversation was shown their output last, at most ${maxOutputBytes / 1024} KiB for all together: the beginning and the end. nextOffset is where the output that is not yet shown will begin. wait_seconds makes it wait for new output or, with wait_for "end", for the end; do that instead of calling again and again.`,
  inputSchema,
  effect: 'read',
  needs: 'sandbox',
  polls: true,
  async execute({ ids = null, wait_seconds: waitSeconds = 0, wait_for: until = 'output', offset }, context) {
    const sandbox = await context.sandbox();
    const asking = { readerId: context.threadId, callId: context.callId, signal: context.signal };
    const found = await sandbox.checkCommands({
      ...asking,
      ids,
      until,
      waitMs: waitSeconds * 1000,
      maxOutputBytes,
      ...(offset === undefined ? {} : { offset }),
    });
    if ('unknownId' in found) {
      const known = await sandbox.checkCommands({ ...asking, ids: null, maxOutputBytes });
      return {
        outcome: 'error',
        message: unknownText(found.unknownId, 'commands' in known ? known.commands : []),
      };
    }
    const { commands } = found;
    const shown = ids ? commands.map(describeCommand) : commands.map(listCommand);
    return { outcome: 'ok', output: { commands: shown } };
  },
});
