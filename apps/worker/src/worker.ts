import {
  type FileSource,
  type ModelDeadlines,
  type Models,
  type RetryPolicy,
  tokensOfPrompt,
  type Toolset,
} from '@switchyard/agent';
import type { Control, Redis, RunQueue } from '@switchyard/bus';
import type { Logger } from '@switchyard/process';
import type { Sandboxes } from '@switchyard/sandbox';
import type { ModelEntry } from '@switchyard/protocol';
import type { Database, ModelPrices } from '@switchyard/store';

/** What the execution of every run in this process shares. */
export interface Worker {
  readonly workerId: string;
  readonly sql: Database;
  readonly redis: Redis;
  readonly queue: Pick<RunQueue, 'add'>;
  readonly control: Pick<Control, 'subscribe'>;
  readonly sandboxes: Pick<Sandboxes, 'open'>;
  readonly files: FileSource;
  readonly models: Models;
  /** Of all models that runs may name. */
  readonly prices: ModelPrices;
  readonly tools: Toolset;
  readonly logger: Logger;
  /** For runs that name no limit of their own. */
  readonly maxSteps: number;
  readonly maxDurationMs: number;
  /** How long the log of an ended run lives, so that a viewer who was cut off can come back. */
  readonly runGraceMs: number;
  /** How long a model may take for the title of a thread that has none; null: none is asked for. */
  readonly titleTimeoutMs: number | null;
  readonly retry: RetryPolicy;
  readonly deadlines: ModelDeadlines;
  /** True once the process takes no more jobs: each run goes to another worker at its next step. */
  readonly isDraining: () => boolean;
  /** Time since the last renewal of the run's lock (monotonic), in ms. */
  readonly lockAgeMs: (runId: string) => number;
}

/** Locks live this long without a renewal; the queue's default, and the time after which a run may be somebody else's. */
export const lockMs = 5000;

/** What the models of a catalog cost, where every request has these tools. */
export async function pricesOf(catalog: readonly ModelEntry[], { forModel }: Toolset): Promise<ModelPrices> {
  const promptTokens = await tokensOfPrompt(forModel);
  return Object.fromEntries(catalog.map(({ id, price }) => [id, { ...price, promptTokens }]));
}
