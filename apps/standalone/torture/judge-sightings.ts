import { formatEventId, parseEventId } from '@switchyard/protocol';
import { type Frame, isStart } from '../fleet/frames.ts';
import { messageOf, orderOf } from '../fleet/judge-frames.ts';
import { isSameJson } from '../src/same-json.ts';
import { deedsIn, touchesRedis } from './deeds.ts';
import { graceMs, type Note, type RunEvidence } from './evidence.ts';
import type { Sighting } from './watch.ts';

/** What viewers saw of an ended run: each all of it, once, in order, and all of them the same, which is what is stored. */
export async function judgeSightings(evidence: RunEvidence, note: Note): Promise<void> {
  if (evidence.message === null && !evidence.isEdited) note('wrong', 'its thread does not show its message');
  for (const sighting of evidence.sightings) await judgeSighting(evidence, sighting, note);
  judgeSameness(evidence, note);
}

async function judgeSighting(evidence: RunEvidence, sighting: Sighting, note: Note): Promise<void> {
  const { run, message, storedParts } = evidence;
  const { who, frames, isDone, replaysAt, faults } = sighting;
  const { lost, repeated, nameless } = orderOf(frames);
  const ids = () => frames.map(({ id }) => id ?? '-').join(' ');
  if (lost > 0) note('lost', `${who} lost ${lost} of ${ids()}`, lost);
  if (repeated > 0) note('repeated', `${who} got ${repeated} again in ${ids()}`, repeated);
  if (nameless > 0) note('wrong', `${who} got ${nameless} events without an id in ${ids()}`);
  for (const fault of faults) note('wrong', `${who}: ${fault}`);
  for (const at of replaysAt) {
    if (!mayReplay(evidence, at)) note('repeated', `${who} was shown all anew, for no reason, in ${ids()}`);
  }
  if (!isDone) return note('wrong', `${who} did not come to the end: ${ids()}`);
  const last = frames.findLast(({ id }) => id !== null)?.id;
  // A run that nobody claimed has a made-up end.
  if (run.lastEventId !== null && last !== run.lastEventId)
    note('lost', `${who} ended at ${last}, the run at ${run.lastEventId}`);
  const folded = (await messageOf(frames)) as { parts?: unknown } | null;
  const isSame = message ? isSameJson(folded, message) : isSameJson(folded?.parts ?? [], storedParts);
  if (!isSame) {
    const stored = JSON.stringify(message ?? storedParts);
    note(
      'wrong',
      `${who} has another message than the store: ${JSON.stringify(folded)} instead of ${stored}`,
    );
  }
}

/**
 * A viewer who names an event is taken back to the beginning only where the log has lost it or lacks the run's end for too
 * long: when Redis was away, when the run's worker was harmed around its end, or when it was slow to show it.
 */
function mayReplay(evidence: RunEvidence, at: number): boolean {
  const { run, deeds, workerPid } = evidence;
  // The log that was flushed is made anew by whoever goes on, which may be the sweep's next worker.
  if (wasFlushed(evidence, at)) return true;
  const endedAt = run.endedAt === null ? at : Date.parse(run.endedAt);
  if (at > endedAt + endGraceMs && at < endShownAt(evidence) + endGraceMs) return true;
  const span = { from: Math.min(endedAt, at) - graceMs, to: Math.max(endedAt, at) };
  return deedsIn(deeds, { ...span, of: (deed) => touchesRedis(deed) || deed.pid === workerPid }).length > 0;
}

/** So long a gateway waits for the end of an ended run before it shows what is stored. */
const endGraceMs = 1000;

/** When the last event but one was first seen: a snapshot gives it no id, so it came from the log. */
function endShownAt({ run, sightings }: RunEvidence): number {
  const last = parseEventId(run.lastEventId ?? '');
  const id = last && formatEventId({ ...last, ordinal: last.ordinal - 1 });
  const shown = sightings.flatMap(({ frames }) => frames.filter((frame) => frame.id === id));
  return Math.min(Infinity, ...shown.map((frame) => frame.at));
}

function wasFlushed({ run, deeds }: RunEvidence, before: number): boolean {
  const span = { from: Date.parse(run.createdAt), to: before };
  return deedsIn(deeds, { ...span, of: ({ what }) => what === 'flush Redis' }).length > 0;
}

/**
 * An ordinal names one event for all viewers and for ever. Where Redis forgot the log and the worker died that knew how far
 * it had come, ordinals since the last stored step are given anew, under a higher epoch: then the whole id is the name.
 */
function judgeSameness(evidence: RunEvidence, note: Note): void {
  const { sightings } = evidence;
  const isFlushed = wasFlushed(evidence, Infinity);
  const known = new Map<string, Frame>();
  for (const { who, frames } of sightings) {
    for (const frame of frames) {
      const ordinal = frame.id?.split('-')[1];
      // A snapshot without parts is its `start` alone, under the id of the log's base, and tells how the run stands now.
      if (ordinal === undefined || (isStart(frame) && ordinal !== '1')) continue;
      const name = isFlushed ? `${frame.id}` : ordinal;
      const other = known.get(name);
      if (other && (other.id !== frame.id || other.data !== frame.data))
        note('wrong', `${who} got ${frame.id} ${frame.data}, another ${other.id} ${other.data}`);
      known.set(name, frame);
    }
  }
}
