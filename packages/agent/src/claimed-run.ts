import type { Logger } from '@switchyard/process';
import type { RunContext } from '@switchyard/store';
import type { AskModel } from './ask-model.ts';
import type { Budget } from './budget.ts';
import type { RunEnding } from './ending.ts';
import type { ModelChoice } from './model-choice.ts';
import type { Pictures } from './pictures.ts';
import type { Replay } from './plan-replay.ts';
import type { RunJournal } from './run-journal.ts';
import type { RunStop } from './run-stop.ts';
import type { SandboxAccess } from './sandbox-access.ts';
import type { Toolset } from './toolset.ts';
import type { Spent } from './usage.ts';

/** One claim of a run, opened, and all that the loop needs for it. */
export interface ClaimedRun {
  readonly context: RunContext;
  readonly journal: RunJournal;
  readonly replay: Replay;
  readonly models: ModelChoice;
  readonly tools: Toolset;
  readonly sandbox: SandboxAccess;
  readonly pictures: Pictures;
  readonly stop: RunStop;
  /** Asked between steps: true when the run should go to another worker now. */
  readonly shouldHandOver: () => boolean;
  /** Asked at each step: false when the lock was not renewed lately, so that somebody else may have the run. */
  readonly isOwned: () => boolean;
  /** Ends what is written beside the loop: nothing may stand in the log behind the event that a run waits under. */
  readonly endAside: () => Promise<void>;
  /** Steps that the run may take in all. */
  readonly maxSteps: number;
  readonly budget: Budget;
  readonly retry: AskModel['retry'];
  readonly deadlines: AskModel['deadlines'];
  readonly logger: Logger;
}

/** How one claim of a run came to its end: the run ends, waits for a person, or another worker goes on. */
export type AgentOutcome =
  | { readonly outcome: 'ended'; readonly ending: RunEnding }
  | { readonly outcome: 'waiting' }
  /** `spent`: by model calls since the last stored step. */
  | { readonly outcome: 'hand-over'; readonly spent: Spent };
