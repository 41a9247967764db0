import type { Fleet, FleetMember } from '../fleet/fleet.ts';
import type { Deed } from './deeds.ts';
import type { Violation } from './evidence.ts';
import type { ViewerCounts } from './watch.ts';

/** What all parts of one torture share. */
export interface World {
  readonly fleet: Fleet;
  /** How long a run may take. */
  readonly stuckMs: number;
  /** All that was done to the fleet, oldest first. */
  readonly deeds: Deed[];
  /** Members that are no more; their logs are kept. */
  readonly gone: FleetMember[];
  readonly viewers: ViewerCounts;
  /** Runs that were started, and those of them that ended and were judged, by how they ended. */
  readonly runs: { started: number; readonly ended: Map<string, number> };
  /** Where viewers go. */
  readonly urls: () => readonly string[];
  report(about: string, violations: readonly Violation[]): void;
}
