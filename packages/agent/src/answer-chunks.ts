import { type Chunk, newId, storableJson, storableText } from '@switchyard/protocol';
import { type TextStreamPart, toUIMessageChunk, type ToolSet } from 'ai';
import { problemOfMetadata } from './dialect/xml/call-problem.ts';

/** A call as the model made it; `problem` is set when it cannot run, and is already shown as the call's error. */
export interface AnsweredCall {
  readonly callId: string;
  readonly toolName: string;
  readonly problem: string | null;
}

/** Turns the SDK's stream of one model answer into the chunks of one step. */
export interface AnswerChunks {
  /** The chunks of a stream part; none for what is not ours to show (the SDK's own turns, sources, files). */
  convert(part: TextStreamPart<ToolSet>): Chunk[];
  /** What closes texts, and calls whose arguments, never came to an end; `problem` is why, for the calls. */
  finish(problem?: string): Chunk[];
  readonly calls: readonly AnsweredCall[];
  /** Characters that the model wrote so far, for an estimate of its tokens. */
  readonly writtenLength: number;
  readonly hasText: boolean;
}

/**
 * `attempt` is a text that no other attempt of the run uses: part ids are made of it. Call ids are ours, since some
 * servers use theirs again in each answer, and the ledger and the sandbox's claims must never meet one twice.
 */
export function createAnswerChunks(options: {
  readonly attempt: string;
  readonly knownTools: ReadonlySet<string>;
}): AnswerChunks {
  const { attempt, knownTools } = options;
  const calls: AnsweredCall[] = [];
  const callIds = new Map<string, string>();
  const unfinished = new Map<string, string>();
  const partIds = new Map<string, string>();
  /** What ends the texts that are open, by their ids. */
  const openTexts = new Map<string, Chunk>();
  /** A surrogate pair may be cut between two deltas: its first half waits for the second. */
  const halves = new Map<string, string>();
  let partCount = 0;
  let writtenLength = 0;
  let hasText = false;

  const partIdOf = (id: string) => partIds.get(id) ?? id;
  const dynamicOf = (toolName: string) => (knownTools.has(toolName) ? {} : { dynamic: true });

  function callIdOf(id: string): string {
    const known = callIds.get(id);
    if (known) return known;
    const callId = `call_${newId().replaceAll('-', '')}`;
    callIds.set(id, callId);
    return callId;
  }

  function wholeText(key: string, text: string): string {
    const joined = (halves.get(key) ?? '') + text;
    halves.delete(key);
    const last = joined.charCodeAt(joined.length - 1);
    if (last < 0xd8_00 || last > 0xdb_ff) return storableText(joined);
    halves.set(key, joined.slice(-1));
    return storableText(joined.slice(0, -1));
  }

  function fail(call: { readonly callId: string; readonly toolName: string }, problem: string): Chunk {
    calls.push({ ...call, problem });
    return {
      type: 'tool-output-error',
      toolCallId: call.callId,
      ...dynamicOf(call.toolName),
      errorText: problem,
    };
  }

  function convertCall(part: Extract<TextStreamPart<ToolSet>, { type: 'tool-call' }>): Chunk[] {
    const toolName = storableText(part.toolName);
    const call = { callId: callIdOf(part.toolCallId), toolName };
    unfinished.delete(call.callId);
    // Some servers name each of an answer's calls alike, one after the other.
    callIds.delete(part.toolCallId);
    const unreadable = problemOfMetadata(part.providerMetadata);
    const hasMetadata = part.providerMetadata !== undefined && unreadable === null;
    const available: Chunk = {
      type: 'tool-input-available',
      toolCallId: call.callId,
      toolName,
      ...dynamicOf(toolName),
      ...(hasMetadata ? { providerMetadata: part.providerMetadata } : {}),
      input: storableJson(part.input),
    };
    if (unreadable !== null) return [available, fail(call, unreadable)];
    if (part.invalid !== true) {
      calls.push({ ...call, problem: null });
      return [available];
    }
    return [available, fail(call, problemOf(toolName, part.error, knownTools))];
  }

  function convertDelta(chunk: Extract<Chunk, { type: 'text-delta' | 'reasoning-delta' }>): Chunk[] {
    writtenLength += chunk.delta.length;
    hasText ||= chunk.type === 'text-delta' && chunk.delta.trim() !== '';
    const id = partIdOf(chunk.id);
    const delta = wholeText(id, chunk.delta);
    return delta === '' && chunk.providerMetadata === undefined ? [] : [{ ...chunk, id, delta }];
  }

  return {
    calls,
    get writtenLength() {
      return writtenLength;
    },
    get hasText() {
      return hasText;
    },
    convert(part) {
      if (part.type === 'tool-call') return convertCall(part);
      // An invalid call's error was shown with the call; generated files have no storage yet.
      if (part.type === 'tool-error' || part.type === 'file' || part.type === 'reasoning-file') return [];
      const chunk = toUIMessageChunk(part, { sendStart: false, sendFinish: false }) as Chunk | undefined;
      switch (chunk?.type) {
        case 'text-start':
        case 'reasoning-start': {
          const kind = chunk.type === 'text-start' ? 'text' : 'reasoning';
          partCount += 1;
          const id = `${kind}-${attempt}-${partCount}`;
          partIds.set(chunk.id, id);
          openTexts.set(id, { type: `${kind}-end`, id });
          return [{ ...chunk, id }];
        }
        case 'text-delta':
        case 'reasoning-delta':
          return convertDelta(chunk);
        case 'text-end':
        case 'reasoning-end':
          halves.delete(partIdOf(chunk.id));
          openTexts.delete(partIdOf(chunk.id));
          return [{ ...chunk, id: partIdOf(chunk.id) }];
        case 'tool-input-start': {
          const toolName = storableText(chunk.toolName);
          const callId = callIdOf(chunk.toolCallId);
          unfinished.set(callId, toolName);
          return [{ type: 'tool-input-start', toolCallId: callId, toolName, ...dynamicOf(toolName) }];
        }
        case 'tool-input-delta': {
          writtenLength += chunk.inputTextDelta.length;
          const callId = callIdOf(chunk.toolCallId);
          const inputTextDelta = wholeText(callId, chunk.inputTextDelta);
          return inputTextDelta === '' ? [] : [{ ...chunk, toolCallId: callId, inputTextDelta }];
        }
        // Start, finish, steps, abort and errors are the loop's to write.
        default:
          return [];
      }
    },
    finish(problem = cutText) {
      const closing: Chunk[] = [...openTexts.values()];
      openTexts.clear();
      for (const [callId, toolName] of unfinished) {
        const input = { type: 'tool-input-available', toolCallId: callId, toolName, input: {} } as const;
        closing.push({ ...input, ...dynamicOf(toolName) }, fail({ callId, toolName }, problem));
      }
      unfinished.clear();
      return closing;
    },
  };
}

const cutText = 'The arguments were cut off before their end, so the call was not run.';

/** Enough to see what is wrong; the SDK's own text repeats all of the arguments. */
const maxProblemLength = 1000;

function problemOf(toolName: string, error: unknown, knownTools: ReadonlySet<string>): string {
  if (!knownTools.has(toolName)) {
    return `There is no tool "${toolName.slice(0, 100)}". The tools are: ${[...knownTools].join(', ')}.`;
  }
  return `The arguments of "${toolName}" are not valid, so it was not run. ${detailOf(error)}`.slice(
    0,
    maxProblemLength,
  );
}

/** The innermost reason: the JSON parser's, or the schema's list of issues. */
function detailOf(error: unknown): string {
  let cause: unknown = error;
  while (cause instanceof Error && cause.cause instanceof Error) ({ cause } = cause);
  if (!(cause instanceof Error)) return 'They do not fit the schema.';
  const issues = issuesOf(cause);
  if (issues) return issues;
  return cause instanceof SyntaxError ? 'They are not JSON.' : 'They do not fit the schema.';
}

/** `path: message` for each issue of a schema's error (Standard Schema), or null when it is another error. */
export function issuesOf(error: Error): string | null {
  const issues: unknown = 'issues' in error ? error.issues : undefined;
  if (!Array.isArray(issues)) return null;
  return issues
    .map((issue: { readonly path?: readonly unknown[]; readonly message?: string }) => {
      const path = (issue.path ?? []).map(String).join('.');
      return `${path === '' ? '' : `${path}: `}${issue.message ?? 'invalid'}`;
    })
    .join('; ');
}
