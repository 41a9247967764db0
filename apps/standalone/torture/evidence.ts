import type { Run, SwitchyardMessage } from '@switchyard/protocol';
import type { UsageRows } from '../fleet/traces.ts';
import type { Deed } from './deeds.ts';
import type { RunPlan } from './plans.ts';
import type { Sighting } from './watch.ts';

/** Something that must never be seen. */
export interface Violation {
  readonly kind: 'lost' | 'repeated' | 'run twice' | 'paid twice' | 'stuck' | 'wrong';
  readonly count: number;
  readonly words: string;
}

/** What became of a request of the run's model. Times as of `now`. */
export interface AskedModel {
  readonly turn: number | null;
  readonly status: number;
  readonly receivedAt: number;
  readonly endedAt: number | null;
  readonly abortedAt: number | null;
}

/** All that is known of one ended run. */
export interface RunEvidence {
  readonly plan: RunPlan;
  readonly run: Run;
  /** Whether somebody wanted it stopped, and what the answer to the last such wish was. */
  readonly cancel: 'not wanted' | 'wanted' | 'promised';
  /** Its message was edited, and the thread may show it no more. */
  readonly isEdited: boolean;
  readonly sightings: readonly Sighting[];
  /** As the API shows it; null when the thread does not. */
  readonly message: SwitchyardMessage | null;
  /** Of the run, as the store has them. */
  readonly storedParts: readonly unknown[];
  readonly usage: UsageRows;
  /** Lines of each mark's file, in the order of the plan's marks. */
  readonly lines: readonly number[];
  readonly requests: readonly AskedModel[];
  /** Who claimed the run last. */
  readonly workerPid: number | null;
  readonly deeds: readonly Deed[];
}

/** Takes down something that is wrong. */
export type Note = (kind: Violation['kind'], words: string, count?: number) => void;

/** A guess: how long something that was done may be felt, on a machine under load. */
export const graceMs = 10_000;
