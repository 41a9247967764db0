import type { Chunk } from '@switchyard/protocol';
import {
  type LanguageModelUsage,
  type ModelMessage,
  streamText,
  type TextStreamPart,
  type ToolSet,
} from 'ai';
import type { AnswerChunks } from './answer-chunks.ts';
import { finishOf, type WholeReason } from './finish-reason.ts';
import { BrokenAnswerError, EmptyAnswerError, UnansweredError, WindowFullError } from './model-failure.ts';
import type { Model } from './models.ts';
import { createPatience, type ModelDeadlines } from './patience.ts';
import { watchRepetition } from './repeated-text.ts';

/** One request to the model. */
export interface ModelRequest {
  readonly model: Model;
  readonly instructions: string;
  readonly messages: ModelMessage[];
  /** By schema only: without `execute` the SDK ends the step before any tool starts. */
  readonly toolSet: ToolSet;
}

/** How one request ended; an abort of the signal rejects instead. */
export type ReadOutcome =
  | {
      readonly outcome: 'complete';
      readonly finishReason: WholeReason;
      readonly isWindowFull: boolean;
      readonly usage: LanguageModelUsage;
    }
  /** Cut by us: what it says it has said several times before. */
  | { readonly outcome: 'repeated' }
  /** `usage`: of an answer that came to its end all the same; else null. */
  | { readonly outcome: 'failed'; readonly error: unknown; readonly usage: LanguageModelUsage | null };

export interface ReadAnswer {
  readonly request: ModelRequest;
  readonly answer: AnswerChunks;
  /** Tokens of the answer at most; null: the server decides. */
  readonly maxOutputTokens: number | null;
  readonly deadlines: ModelDeadlines;
  readonly signal: AbortSignal;
  readonly show: (...chunks: readonly Chunk[]) => Promise<void>;
}

/** Reads one answer of the model to its end and shows it. Retries nothing: that is the step's to decide. */
export async function readAnswer(options: ReadAnswer): Promise<ReadOutcome> {
  const { request, answer, maxOutputTokens, deadlines, signal, show } = options;
  const ours = new AbortController();
  const { stream } = streamText({
    model: request.model.client,
    instructions: request.instructions,
    messages: request.messages,
    tools: request.toolSet,
    providerOptions: request.model.providerOptions,
    ...(maxOutputTokens === null ? {} : { maxOutputTokens }),
    maxRetries: 0,
    abortSignal: AbortSignal.any([signal, ours.signal]),
    // Errors are parts of the stream; without a handler the SDK prints them.
    onError: () => undefined,
  });
  const parts = stream[Symbol.asyncIterator]();
  const patience = createPatience(deadlines, signal);
  const repetitions = createRepetitions();
  let end: (TextStreamPart<ToolSet> & { type: 'finish-step' }) | null = null;
  let isRead = false;
  try {
    for (;;) {
      let next: IteratorResult<TextStreamPart<ToolSet>>;
      try {
        next = await patience.wait(parts.next());
      } catch (error) {
        // The model's silence, or its socket; whatever `show` throws is ours and not caught here.
        signal.throwIfAborted();
        return { outcome: 'failed', error, usage: null };
      }
      isRead = next.done === true;
      if (next.done === true) break;
      const part = next.value;
      patience.saw(part);
      if (part.type === 'error') return { outcome: 'failed', error: part.error, usage: null };
      if (part.type === 'finish-step') end = part;
      const chunks = answer.convert(part);
      // Whatever came ended the silence, also when there is nothing to show of it.
      if (chunks.length === 0) continue;
      await show(...chunks);
      if (repetitions.saw(part)) {
        await show(...answer.finish(repeatedInput));
        return { outcome: 'repeated' };
      }
    }
    signal.throwIfAborted();
    const finish = finishOf(end);
    const usage = end?.usage ?? null;
    if (usage === null || finish instanceof BrokenAnswerError)
      return { outcome: 'failed', error: finish, usage };
    const { finishReason, isWindowFull } = finish;
    // Which also fails the calls that never came to their end: such an answer is not empty.
    const closing = answer.finish();
    if (!answer.hasText && answer.calls.length === 0 && finishReason !== 'content-filter') {
      if (isWindowFull) return { outcome: 'failed', error: new WindowFullError(), usage };
      const error = finishReason === 'length' ? new UnansweredError() : new EmptyAnswerError();
      return { outcome: 'failed', error, usage };
    }
    if (closing.length > 0) await show(...closing);
    return { outcome: 'complete', ...finish, usage };
  } finally {
    // Ends the request when we left it early.
    if (!isRead) ours.abort();
    patience.end();
  }
}

/** What the model reads of the calls of such an answer; on the chat wire none of them is whole before its end. */
const repeatedInput =
  'The arguments of a call in this answer repeated themselves, so the answer was cut off and this call was not run. Do not write the same again: say in one sentence what is to be done next, and do it with less.';

/** Watches what is said and thought as one text, and the arguments of each call as a text of its own. */
function createRepetitions() {
  const words = watchRepetition();
  const inputs = new Map<string, ReturnType<typeof watchRepetition>>();
  return {
    /** True when the model goes on saying the same. */
    saw(part: TextStreamPart<ToolSet>): boolean {
      switch (part.type) {
        case 'text-delta':
        case 'reasoning-delta':
          return words.push(part.text);
        case 'tool-input-start':
          inputs.set(part.id, watchRepetition({ isFile: true }));
          return false;
        case 'tool-input-delta':
          return inputs.get(part.id)?.push(part.delta) === true;
        default:
          return false;
      }
    },
  };
}
