import type { CallRecord, ToolContext, ToolResult } from '@switchyard/agent';
import { type CommandDeed, deedOf, type Sandbox } from '@switchyard/sandbox';
import { describeCommand, maxOutputBytes, unknownText } from './command-text.ts';

/** What the model reads when nothing was done to a command; null when it was done. */
export function refusalOf(deed: CommandDeed, id: string): string | null {
  switch (deed) {
    case 'done':
      return null;
    case 'unknown':
      return `No command ${id} is in the background of this sandbox. shell_check without ids lists them.`;
    case 'ended':
      return `The command ${id} has ended; shell_check says how.`;
    case 'closed':
      return `The command ${id} takes no input: it was not started with background, or its input was closed. Nothing was written.`;
    case 'unread':
      return `The command ${id} does not read its input: what was written has come in only in part, if at all. Look with shell_check what it does.`;
  }
}

/** The result of a deed: the command as it is a moment later, with what it printed since. */
export async function describeDeed(
  sandbox: Sandbox,
  context: ToolContext,
  options: { readonly deed: CommandDeed; readonly id: string; readonly waitMs: number },
): Promise<ToolResult> {
  const { deed, id, waitMs } = options;
  const asking = {
    readerId: context.threadId,
    callId: context.callId,
    maxOutputBytes,
    signal: context.signal,
  };
  if (deed === 'unknown') {
    const known = await sandbox.checkCommands({ ...asking, ids: null });
    return { outcome: 'error', message: unknownText(id, 'commands' in known ? known.commands : []) };
  }
  const refusal = refusalOf(deed, id);
  if (refusal !== null) return { outcome: 'error', message: refusal };
  const found = await sandbox.checkCommands({ ...asking, ids: [id], until: 'output', waitMs });
  const [state] = 'commands' in found ? found.commands : [];
  if (!state) return { outcome: 'ok', output: 'Done.' };
  return { outcome: 'ok', output: describeCommand(state) };
}

/** The result of a deed that the sandbox recorded while nobody watched. */
export function recoverDeed({ exitCode, output }: CallRecord, id: string): ToolResult {
  const refusal = exitCode === 0 ? null : refusalOf(deedOf(output.trim()), id);
  return refusal === null
    ? { outcome: 'ok', output: { id, note: 'Done; shell_check shows what came of it.' } }
    : { outcome: 'error', message: refusal };
}
