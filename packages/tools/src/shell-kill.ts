import { defineTool } from '@switchyard/agent';
import { z } from 'zod';
import { describeDeed, recoverDeed } from './command-deed.ts';

const inputSchema = z.strictObject({
  id: z.string().min(1).max(100).describe('Id that shell gave.'),
});

/** Ends a command in the background. */
export const shellKillTool = defineTool({
  name: 'shell_kill',
  description:
    'Ends a command in the background with all that it started: SIGTERM, and SIGKILL three seconds later. Answers with its exit code and what it printed since you looked last.',
  inputSchema,
  effect: 'once',
  needs: 'sandbox',
  async execute({ id }, context) {
    const sandbox = await context.sandbox();
    const deed = await sandbox.endCommand({ id, signal: context.signal, claim: await context.claim() });
    return await describeDeed(sandbox, context, { deed, id, waitMs: 0 });
  },
  recover: (record, { id }) => recoverDeed(record, id),
});
