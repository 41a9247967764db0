import type { WireMessage } from './wire.ts';

/**
 * What every vendor refuses of a conversation: a call whose result does not follow it, and a result of no call. Null
 * when there is nothing to refuse.
 */
export function problemOfHistory(messages: readonly WireMessage[]): string | null {
  const open = new Set<string>();
  for (const message of messages) {
    if (message.role === 'tool') {
      const id = message.tool_call_id ?? '';
      if (!open.delete(id)) return `The result of "${id}" follows no such call.`;
      continue;
    }
    if (open.size > 0) return missing(open);
    for (const { id } of message.tool_calls ?? []) {
      if (open.has(id)) return `Two calls of one answer have the id "${id}".`;
      open.add(id);
    }
  }
  return open.size > 0 ? missing(open) : null;
}

function missing(open: ReadonlySet<string>): string {
  return `No tool output found for the calls ${[...open].join(', ')}.`;
}
