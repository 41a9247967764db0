/** Where a log and its meta are kept: both keys in one slot of a cluster, the hash tag is the run. */
export function runLogKeys(runId: string): [log: string, meta: string] {
  return [`run:{${runId}}:log`, `run:{${runId}}:meta`];
}

/** Where a run's events are published; a channel's message is what `parseLogMessage` reads. */
export function runLogChannel(runId: string): string {
  return `run:{${runId}}:events`;
}
