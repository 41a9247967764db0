import type { Run, RunReason } from '@switchyard/protocol';

/** How a run ended, in plain words. */
export interface EndWords {
  readonly tone: 'good' | 'waiting' | 'stopped' | 'bad';
  readonly title: string;
  /** What a person can do now; null when there is nothing to say. */
  readonly advice: string | null;
}

/** The words for a reason; the run's own detail, when there is one, says more. */
export function wordsOfReason(reason: RunReason): EndWords {
  const bad = (title: string, advice: string): EndWords => ({ tone: 'bad', title, advice });
  switch (reason) {
    case 'finished':
    case 'answered':
      return { tone: 'good', title: 'Finished', advice: null };
    case 'asked':
      return { tone: 'waiting', title: 'Waiting for your answer', advice: null };
    case 'cancelled':
      return { tone: 'stopped', title: 'Stopped', advice: 'What was done up to here is kept.' };
    case 'step-limit':
      return bad('Stopped at the limit of steps', 'Ask it to go on, and it takes up where it was.');
    case 'time-limit':
      return bad('Stopped at the time limit', 'Ask it to go on, and it takes up where it was.');
    case 'budget':
      return bad('The budget is used up', 'Raise the limit, or ask for something smaller.');
    case 'stuck':
      return bad('It went in circles', 'Say more exactly what you want, or what to try instead.');
    case 'model-error':
      return bad('The model did not answer', 'Try again in a moment.');
    case 'context-overflow':
      return bad('The conversation is too long for the model', 'Begin a new task and give it what matters.');
    case 'content-filter':
      return bad('The model refused to answer', 'Put it in other words.');
    case 'sandbox-error':
      return bad('The workspace could not be used', 'Try again in a moment.');
    case 'crash-loop':
      return bad('It failed several times in a row', 'Try again; if it stays, this task breaks something.');
    case 'approval-expired':
      return bad('Nobody answered in time', 'Start it again when somebody is there to approve.');
    case 'internal':
      return bad('Something went wrong on our side', 'Try again in a moment.');
  }
}

/** What a run that has not ended is doing. */
export function wordsOfStatus(status: Run['status'], queuePosition: number | null): string {
  switch (status) {
    case 'pending':
      return 'Waiting for its turn';
    case 'queued':
      return queuePosition === null || queuePosition <= 1
        ? 'Starting'
        : `In the queue, place ${queuePosition}`;
    case 'running':
      return 'Working';
    case 'awaiting-approval':
      return 'Needs your approval';
    case 'completed':
    case 'failed':
    case 'cancelled':
      return 'Ending';
  }
}
