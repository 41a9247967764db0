import type { MessagePart, ToolPart } from '@switchyard/protocol';

/** What a chunk says of a call. Members that are absent are taken away, but for those that `nextToolPart` names. */
export interface ToolUpdate {
  readonly toolCallId: string;
  readonly toolName: string;
  readonly state: ToolPart['state'];
  readonly input?: unknown;
  /** Instead of `input`: run once, when the input is first read. */
  readonly readInput?: () => unknown;
  readonly output?: unknown;
  readonly errorText?: string | undefined;
  readonly rawInput?: unknown;
  readonly inputEncoding?: unknown;
  readonly preliminary?: boolean | undefined;
  readonly title?: string | undefined;
  readonly toolMetadata?: unknown;
  readonly providerExecuted?: boolean | undefined;
  readonly providerMetadata?: unknown;
}

export function isToolPart(part: MessagePart): part is ToolPart {
  return part.type === 'dynamic-tool' || part.type.startsWith('tool-');
}

export function toolNameOf(part: ToolPart): string {
  return part.type === 'dynamic-tool' ? part.toolName : part.type.slice('tool-'.length);
}

/**
 * The part of a call after an update. Title, tool metadata, the provider's metadata, `providerExecuted` and the approval
 * stay as they were when the update is silent about them; so does whatever is not a chunk's to change.
 */
export function nextToolPart(
  previous: ToolPart | undefined,
  isDynamic: boolean,
  update: ToolUpdate,
): ToolPart {
  const isResult = update.state === 'output-available' || update.state === 'output-error';
  const changed = {
    type: isDynamic ? 'dynamic-tool' : `tool-${update.toolName}`,
    toolName: isDynamic ? update.toolName : undefined,
    toolCallId: update.toolCallId,
    state: update.state,
    output: update.output,
    errorText: update.errorText,
    // The SDK's reader keeps no raw input of a dynamic call whose part it has only just made.
    rawInput: isDynamic && !previous ? undefined : update.rawInput,
    inputEncoding: update.inputEncoding ?? undefined,
    preliminary: update.preliminary,
    input: update.input,
  };
  const kept = {
    title: update.title,
    toolMetadata: update.toolMetadata,
    providerExecuted: update.providerExecuted ?? undefined,
    [isResult ? 'resultProviderMetadata' : 'callProviderMetadata']: update.providerMetadata ?? undefined,
  };
  const next: Record<string, unknown> = {};
  // Member by member: a spread would parse the input that is about to be replaced.
  if (previous) {
    for (const key of Object.keys(previous)) {
      if (!(key in changed)) next[key] = (previous as unknown as Record<string, unknown>)[key];
    }
  }
  for (const [key, value] of [...Object.entries(changed), ...Object.entries(kept)]) {
    if (value !== undefined) next[key] = value;
  }
  const { readInput } = update;
  if (readInput) defineLazily(next, 'input', readInput);
  return next as unknown as ToolPart;
}

/** A member that is computed when it is first read, and from then on is like any other. */
function defineLazily(target: object, key: string, read: () => unknown): void {
  const common = { enumerable: true, configurable: true };
  Object.defineProperty(target, key, {
    ...common,
    get() {
      const value = read();
      Object.defineProperty(target, key, { ...common, writable: true, value });
      return value;
    },
  });
}
