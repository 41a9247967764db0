import { z } from 'zod';

/** Tokens of a turn as the scenario states them; what is absent is estimated. `absent`: the server counts nothing. */
const statedUsageSchema = z.union([
  z.literal('absent'),
  z.strictObject({
    inputTokens: z.int().nonnegative().optional(),
    cachedInputTokens: z.int().nonnegative().optional(),
    /** Of the messages wire alone: the part of the input that is put into the cache. */
    cacheWriteTokens: z.int().nonnegative().optional(),
    outputTokens: z.int().nonnegative().optional(),
  }),
]);

/**
 * How a server writes its stream, where servers differ. `whole` is a call that comes at once: in one chunk, or on the other
 * wires without deltas of its arguments. Indices are of calls on the chat wire, else of all that an answer holds; they may
 * always be the same. Missing ids and indices are of the chat wire alone.
 */
const styleSchema = z.strictObject({
  lineEnd: z.enum(['lf', 'crlf']).optional(),
  /** A comment before each frame, as proxies send them to keep a connection open. */
  comments: z.boolean().optional(),
  /** So many bytes a write, so that frames and characters are cut anywhere. */
  bytesPerWrite: z.int().positive().optional(),
  calls: z.enum(['pieces', 'whole']).optional(),
  callIds: z.enum(['given', 'missing']).optional(),
  callIndex: z.enum(['counted', 'zero', 'missing']).optional(),
});
export type Style = z.infer<typeof styleSchema>;

const delayMsSchema = z.number().nonnegative().max(3_600_000);

/**
 * What the model does next inside one turn. `text` and `reasoning` are one chunk each, a list of strings is one chunk
 * per string with `delayMs` before each; `repeat` is the same chunk many times; `toolCall` streams its arguments in
 * `pieces` chunks (1 when absent), and calls that follow each other are parallel calls; `stall` is silent until the
 * client goes away.
 */
export const stepSchema = z.union([
  z.strictObject({ text: z.union([z.string(), z.array(z.string())]), delayMs: delayMsSchema.optional() }),
  z.strictObject({
    reasoning: z.union([z.string(), z.array(z.string())]),
    delayMs: delayMsSchema.optional(),
  }),
  z.strictObject({
    repeat: z.string(),
    times: z.int().positive().max(1_000_000),
    delayMs: delayMsSchema.optional(),
  }),
  z.strictObject({
    toolCall: z.strictObject({
      name: z.string(),
      /** An object is sent as JSON; a string is sent as it is, also when it is not JSON. */
      arguments: z.union([z.record(z.string(), z.unknown()), z.string()]),
      id: z.string().optional(),
      pieces: z.int().positive().optional(),
    }),
    delayMs: delayMsSchema.optional(),
  }),
  z.strictObject({ delayMs: delayMsSchema }),
  z.strictObject({ stall: z.literal(true) }),
]);
export type Step = z.infer<typeof stepSchema>;

/** One whole answer of the model: what the server streams, wherever it comes from. */
export const answerSchema = z.strictObject({
  steps: z.array(stepSchema),
  /**
   * `stop`, `length`, `tool_calls` or `content_filter` in the words of each wire, or any other word as it is. When
   * absent: `tool_calls` if the answer holds a call, else `stop`.
   */
  finishReason: z.string().min(1).optional(),
  usage: statedUsageSchema.optional(),
  style: styleSchema.optional(),
});
export type Answer = z.infer<typeof answerSchema>;

/** What is sent for an answer, one after the other: pauses, and the pieces that become one wire chunk each. */
export type AnswerPiece =
  | { readonly kind: 'pause'; readonly delayMs: number }
  | { readonly kind: 'stall' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reasoning'; readonly text: string }
  | { readonly kind: 'call'; readonly index: number; readonly id: string; readonly name: string }
  | { readonly kind: 'arguments'; readonly index: number; readonly text: string };

/**
 * Unfolds an answer into its pieces; `newCallId` names the calls that have no id of their own. `callsAsText`: the request
 * asked for calls that are written into the text, as models without calls of their own make them.
 */
export function* piecesOfAnswer(
  answer: Answer,
  { newCallId, callsAsText }: { readonly newCallId: () => string; readonly callsAsText: boolean },
): Generator<AnswerPiece> {
  let callIndex = 0;
  for (const step of answer.steps) {
    if ('stall' in step) {
      yield { kind: 'stall' };
      continue;
    }
    const delayMs = step.delayMs ?? 0;
    if ('text' in step) yield* withPauses(delayMs, chunksOf('text', step.text));
    else if ('reasoning' in step) yield* withPauses(delayMs, chunksOf('reasoning', step.reasoning));
    else if ('repeat' in step) {
      for (let count = 0; count < step.times; count += 1) {
        yield* withPauses(delayMs, [{ kind: 'text', text: step.repeat }]);
      }
    } else if ('toolCall' in step) {
      const { name, arguments: input, id, pieces } = step.toolCall;
      if (callsAsText) {
        const texts = cut(callAsText(name, input), pieces ?? 1);
        yield* withPauses(delayMs, chunksOf('text', texts));
        continue;
      }
      const index = callIndex;
      callIndex += 1;
      yield { kind: 'call', index, id: id ?? newCallId(), name };
      const text = typeof input === 'string' ? input : JSON.stringify(input);
      const argumentPieces = cut(text, pieces ?? 1).map((piece): AnswerPiece => ({
        kind: 'arguments',
        index,
        text: piece,
      }));
      yield* withPauses(delayMs, argumentPieces);
    } else yield { kind: 'pause', delayMs };
  }
}

/** A call on lines of its own; what is no object stands where the parameters would. */
function callAsText(name: string, input: Readonly<Record<string, unknown>> | string): string {
  const parameters =
    typeof input === 'string'
      ? input
      : Object.entries(input).map(([key, value]) => {
          const text = typeof value === 'string' ? value : JSON.stringify(value);
          const split = text.replaceAll(/\]\]>|<!\[CDATA\[/g, (mark) =>
            mark === ']]>' ? ']]]]><![CDATA[>' : '<![CDA]]><![CDATA[TA[',
          );
          return `<parameter name="${key}"><![CDATA[${split}]]></parameter>\n`;
        });
  const body = typeof parameters === 'string' ? parameters : parameters.join('');
  return `\n<tool_call name="${name}">\n${body}</tool_call>\n`;
}

function chunksOf(kind: 'text' | 'reasoning', text: string | readonly string[]): AnswerPiece[] {
  return (typeof text === 'string' ? [text] : text).map((chunk) => ({ kind, text: chunk }));
}

function* withPauses(delayMs: number, pieces: Iterable<AnswerPiece>): Generator<AnswerPiece> {
  for (const piece of pieces) {
    if (delayMs > 0) yield { kind: 'pause', delayMs };
    yield piece;
  }
}

/** Cuts a text into at most `count` pieces of nearly equal length, none empty unless the text is. */
function cut(text: string, count: number): string[] {
  const size = Math.max(1, Math.ceil(text.length / count));
  const pieces: string[] = [];
  for (let start = 0; start < text.length; start += size) pieces.push(text.slice(start, start + size));
  return pieces.length === 0 ? [''] : pieces;
}

/** True when the answer calls a tool, so that its natural end is `tool_calls`. */
export function hasToolCall(answer: Answer): boolean {
  return answer.steps.some((step) => 'toolCall' in step);
}
