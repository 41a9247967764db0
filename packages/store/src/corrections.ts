import { newId, type Run } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf, fencedAnswerOf, jsonbValue } from './answer-of.ts';
import type { Database } from './database.ts';
import { type RunRow, runOfRow } from './rows.ts';
import { type StartedRun, type StartRunAnswer, startedRunOfRow } from './start-run.ts';

/** `next-step`: the run itself reads it. `new-run`: it came too late, and another run of the thread answers it. */
export type CorrectedRun =
  | { readonly outcome: 'next-step'; readonly run: Run }
  | { readonly outcome: 'new-run'; readonly started: StartedRun };

/**
 * Says something to a run that goes on. One that ends before it could read it is followed by a run that does; after a
 * stop the text stays as a message of the thread and starts nothing. Throws `not_found`, `forbidden`.
 */
export async function correctRun(
  sql: Database,
  actor: Actor,
  { runId, text }: { readonly runId: string; readonly text: string },
): Promise<CorrectedRun> {
  const request = {
    correctionId: newId(),
    text,
    userMessageId: newId(),
    runId: newId(),
    messageId: newId(),
  };
  const { run, started } = await answerOf(sql<{ answer: { run: RunRow; started: StartRunAnswer | null } }[]>`
    select correct_run(${actorValue(sql, actor)}, ${runId}, ${jsonbValue(sql, request)}) as answer`);
  if (started) return { outcome: 'new-run', started: startedRunOfRow(started) };
  return { outcome: 'next-step', run: runOfRow(run) };
}

/** What a person said to a run that goes on; `messageId` names it for good. */
export interface Correction {
  readonly messageId: string;
  readonly text: string;
}

/**
 * The corrections that this step's model call is to read, oldest first. They count as read once the step is stored: asked
 * again before that, it answers the same, and what came since. Throws RunLostError.
 */
export async function takeCorrections(
  sql: Database,
  { runId, epoch, step }: { readonly runId: string; readonly epoch: number; readonly step: number },
): Promise<Correction[]> {
  return await fencedAnswerOf(
    { runId, epoch },
    sql<{ answer: Correction[] }[]>`select take_corrections(${runId}, ${epoch}, ${step}) as answer`,
  );
}
