import { isStart } from '../fleet/frames.ts';
import { costsLocks, deedsIn } from './deeds.ts';
import { type AskedModel, graceMs, type Note, type RunEvidence, type Violation } from './evidence.ts';
import { judgeMarks } from './judge-marks.ts';
import { judgeSightings } from './judge-sightings.ts';

/** Says of the end of a run, of its log and of its viewers whether all is as promised. Empty when it is. */
export async function judgeRun(evidence: RunEvidence): Promise<Violation[]> {
  const violations: Violation[] = [];
  const note: Note = (kind, words, count = 1) => violations.push({ kind, words, count });
  await judgeSightings(evidence, note);
  judgeEnd(evidence, note);
  judgeMarks(evidence, note);
  judgeUsage(evidence, note);
  return violations;
}

function judgeEnd(evidence: RunEvidence, note: Note): void {
  const { plan, run, cancel, deeds, requests, sightings } = evidence;
  const how = `ended as ${run.status} (${run.reason}): ${run.error?.detail ?? 'no error'}`;
  switch (run.status) {
    case 'completed':
      if (run.reason !== 'answered') note('wrong', how);
      if (cancel === 'promised') note('wrong', `${how}, though its stop was promised`);
      if (run.steps !== plan.scenario.turns.length) note('wrong', `${how} after ${run.steps} steps`);
      break;
    case 'cancelled':
      if (cancel === 'not wanted') note('wrong', how);
      break;
    default: {
      const span = { from: lastProgressAt(evidence), to: Date.parse(run.endedAt ?? run.createdAt) };
      const crashes = deedsIn(deeds, { ...span, of: costsLocks }).length;
      if (run.reason !== 'crash-loop') note('wrong', how);
      else if (crashes < 3) note('wrong', `${how}, with ${crashes} deeds since its last stored step`);
    }
  }
  const endings = sightings.flatMap(({ isDone, frames }) => (isDone ? [frames.at(-1)?.data ?? ''] : []));
  const expected = { completed: '{"type":"finish"', cancelled: '{"type":"abort"', failed: '{"type":"error"' };
  const wanted = expected[run.status as keyof typeof expected];
  for (const ending of endings)
    if (!ending.startsWith(wanted)) note('wrong', `${how}, and its stream with ${ending}`);
  for (const [index, endedAt] of stepEnds(evidence).entries()) {
    for (const request of requests) {
      if (request.turn !== index || request.receivedAt <= endedAt || isOfZombie(evidence, request)) continue;
      const late = Math.round(request.receivedAt - endedAt);
      note('paid twice', `step ${index + 1} was asked for again ${late} ms after it was seen to have ended`);
    }
  }
}

/** Who was frozen right before it asks finds out only afterwards that its run is another's. It must abort then. */
function isOfZombie({ deeds }: RunEvidence, { receivedAt, abortedAt }: AskedModel): boolean {
  const span = { from: receivedAt - graceMs, to: receivedAt };
  return (
    abortedAt !== null && deedsIn(deeds, { ...span, of: ({ what }) => what === 'freeze a worker' }).length > 0
  );
}

/** When the n-th step was first seen to be stored: what it calls has results only then. */
function stepEnds({ sightings }: RunEvidence): number[] {
  const ends: number[] = [];
  for (const { frames } of sightings) {
    let step = -1;
    for (const { data, at, ...frame } of frames) {
      if (isStart({ data, ...frame })) step = -1;
      if (data.startsWith('{"type":"start-step"')) step += 1;
      if (/^\{"type":"(finish-step|tool-output-(available|error|denied)|tool-approval-request)"/.test(data))
        ends[step] = Math.min(ends[step] ?? Infinity, at);
    }
  }
  return ends;
}

/** Not later than the last step was stored before the end, which may have stored a piece of another: its answer had come. */
function lastProgressAt({ run, requests }: RunEvidence): number {
  const answers = requests.filter(({ turn }) => turn === run.steps - 2);
  const ends = answers.flatMap(({ endedAt }) => (endedAt === null ? [] : [endedAt]));
  return ends.length === 0 ? Date.parse(run.startedAt ?? run.createdAt) : Math.min(...ends);
}

function judgeUsage({ plan, run, usage, requests }: RunEvidence, note: Note): void {
  const { total, counted, open, exact } = usage;
  if (total !== counted) note('wrong', `usage rows say ${total}, the run ${counted}`);
  if (open > 0) note('wrong', `${open} usage rows are open`);
  // Of an answer that broke off only a guess can be counted, with the one that was given instead.
  const unbroken = plan.scenario.turns.filter(
    ({ faults = [] }) => !faults.some(({ kind }) => kind === 'cut'),
  );
  if (run.status === 'completed' && (exact < unbroken.length || exact > run.steps))
    note('wrong', `${exact} answers were counted exactly, for ${run.steps} steps`);
  const answered = requests.filter(({ endedAt, status }) => endedAt !== null && status === 200).length;
  if (answered > 0 && total === 0) note('wrong', `${answered} answers were given and none was counted`);
}
