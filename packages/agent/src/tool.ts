import type { DataPart, Todo } from '@switchyard/protocol';
import type { Claim, Sandbox } from '@switchyard/sandbox';
import type { JSONValue } from 'ai';
import type { z } from 'zod';
import type { StoredResult } from './stored-result.ts';

/**
 * What a call may do to the world. `read` calls run again after a crash and may run side by side; a `once` call runs
 * at most once, in the order in which the model asked (see `lane`), and is never silently repeated.
 */
export type ToolEffect = 'read' | 'once';

/**
 * What a tool works on. A call that needs `nothing` has no effect but its result, so it may always run again; what
 * became of an interrupted call is known from the sandbox's claims, and for the world `outside` it is not.
 */
export type ToolNeed = 'sandbox' | 'outside' | 'nothing';

/**
 * The one thing that a call works on. Things of different kinds never run side by side: a command may touch any file.
 */
export interface Lane {
  readonly of: 'file' | 'session';
  readonly name: string;
}

/** How a call ended. An expected failure is an `error` whose message is written for the model; a bug is an exception. */
export type ToolResult =
  | {
      readonly outcome: 'ok';
      readonly output: JSONValue;
      /** Parts for the message beside the result. Their ids must not repeat over steps: use the call id. */
      readonly data?: readonly DataPart[];
      /** Set by the tools that end the run: `complete` and `ask`. */
      readonly end?: { readonly reason: 'finished' | 'asked' };
    }
  | { readonly outcome: 'error'; readonly message: string };

/** What the model reads of a result that is more than text. */
export type ModelOutputPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly mediaType: string; readonly base64: string };

/** What the sandbox recorded of a call whose worker died before it could store the result. */
export interface CallRecord {
  readonly exitCode: number | null;
  /** It was killed because its time was over. */
  readonly isTimedOut: boolean;
  readonly output: string;
  readonly result: JSONValue | null;
  /** The file inside the sandbox that holds the whole output of a command. */
  readonly logPath: string;
}

/** A command whose worker died, and which goes on in the background. */
export interface LeftCommand {
  readonly callId: string;
  readonly output: string;
  readonly logPath: string | null;
}

/** What one call may use. */
export interface ToolContext {
  readonly callId: string;
  readonly runId: string;
  readonly threadId: string;
  /** Aborted by cancel, by the run's time limit and when the run is lost; its reason says which. */
  readonly signal: AbortSignal;
  /**
   * The project's sandbox: created or started by the first call that asks, with the attached files copied in. Rejects the
   * first call after it was lost, so that the model learns of it.
   */
  readonly sandbox: () => Promise<Sandbox>;
  /** The sandbox when this run already uses it, else null: for work that is not worth starting one. */
  readonly runningSandbox: () => Sandbox | null;
  /** Whether the sandbox was started anew since this thread used it last, so that its processes are gone. True once. */
  readonly takeRestart: () => boolean;
  /**
   * The claim that a `once` tool passes to the sandbox operation that has the effect, at most once per call. `result`
   * is what is recorded with the effect when it is known before it.
   * @throws when the tool is not a `once` tool that needs the sandbox
   */
  readonly claim: (result?: JSONValue) => Promise<Claim>;
  /** Shows live output to viewers; it is not stored. */
  readonly emitOutput: (stream: 'stdout' | 'stderr', text: string) => void;
  /** The todos as the last `data-todo` part has them. */
  readonly readTodos: () => readonly Todo[];
  /** The whole result of an earlier call of the thread; null when there is none. */
  readonly readResult: (callId: string) => StoredResult | null;
}

/** One thing that a call is about, as rules about calls see it. */
export interface Subject {
  /** What a rule that allows must fit. */
  readonly text: string;
  /** What it may be called besides: a rule that asks or denies fits when it fits one of these. */
  readonly otherTexts?: readonly string[];
  /**
   * All that begins so goes with it, as what lies in a folder: a rule that asks or denies fits when it could fit any of
   * it, one that allows only when it fits all of it.
   */
  readonly within?: string;
}

/** Something that the model may call. `name` is `[a-z_]+`; `description` is text for the model. */
export interface Tool<Input = unknown> {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: z.ZodType<Input>;
  readonly effect: ToolEffect;
  readonly needs: ToolNeed;
  /**
   * The sentence for the person whose consent this call needs, or null when it needs none. A call that needs it waits
   * until somebody has agreed, bound to this very input. Pure: it is asked again after a crash.
   */
  consent?(input: Input): string | null;
  /**
   * What the call is about, for rules about calls: paths relative to the workspace, or commands; without it the input as
   * JSON. A string is a subject with that text alone. Pure.
   */
  subjectsOf?(input: Input): readonly (string | Subject)[];
  /**
   * For a `once` tool: what its call must not overlap with. Calls of one answer that follow each other run side by side
   * when they are on other things of one kind, and in order on the same; without it a call runs alone. Pure.
   */
  lane?(input: Input): Lane;
  /** It looks at something that goes on by itself: the same call may be repeated often before it counts as stuck. */
  readonly polls?: true;
  /** How long a command of this call may run in all, in ms, whoever waits for it. Default: half an hour. */
  timeoutMs?(input: Input): number;
  /** `input` has passed the schema. An `AppError` thrown from here is shown to the model by its detail. */
  execute(input: Input, context: ToolContext): Promise<ToolResult>;
  /** What the model reads of a stored output; without it the output as JSON. Pure: the same at every step. */
  modelOutput?(output: JSONValue): readonly ModelOutputPart[];
  /** Makes the result of a call out of what the sandbox recorded; without it the record itself is the output. */
  recover?(record: CallRecord, input: Input): ToolResult;
  /** The same of a command that goes on when its time is over; without it such a command is killed. */
  recoverLeft?(left: LeftCommand, input: Input): ToolResult;
}

/** Infers a tool's input from its schema. */
export function defineTool<Input>(tool: Tool<Input>): Tool<Input> {
  return tool;
}
