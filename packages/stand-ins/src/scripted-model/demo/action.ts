/** One tool call that the demo wants; the server gives it its id. */
export interface DemoCall {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What the demo does next: says something, calls tools, or both. Without calls the conversation ends here. */
export interface Action {
  readonly text: string;
  readonly calls: readonly DemoCall[];
}

/** What one call of the previous action came to, as the conversation tells it. */
export interface Outcome {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** Everything that the result says, as one text. */
  readonly text: string;
  /** Of a command; null for other tools and for commands that did not end by themselves. */
  readonly exitCode: number | null;
}

/**
 * A procedure as it reads: yield an action, get the outcomes of its calls, in the order of the calls. It is replayed
 * from its beginning for every request, so it may depend on nothing but the task and the outcomes.
 */
export type DemoScript<Result = Action> = Generator<Action, Result, readonly Outcome[]>;
