import { type Client, SwitchyardError } from '@switchyard/client';
import type { Database } from '@switchyard/store';

/** What the store says that a run has used. */
export interface UsageRows {
  /** Sum of the rows, and what the run itself says. */
  readonly total: number;
  readonly counted: number;
  /** Reserved and never settled. */
  readonly open: number;
  /** Settled by what the model said, not by estimate. */
  readonly exact: number;
}

export async function readUsage(sql: Database, runId: string): Promise<UsageRows> {
  const [row] = await sql<{ total: string; counted: string; open: string; exact: string }[]>`
    select coalesce(sum(u.total_tokens), 0) as total, count(u.run_id) filter (where u.settled_at is null) as open,
      count(u.run_id) filter (where not u.is_estimated) as exact, r.total_tokens as counted
    from runs r left join usage u on u.run_id = r.id where r.id = ${runId} group by r.id`;
  if (!row) throw new Error('The run is not in the store.');
  const { total, counted, open, exact } = row;
  return { total: Number(total), counted: Number(counted), open: Number(open), exact: Number(exact) };
}

/** The process that claimed the run last; null when none did. */
export async function readWorkerPid(sql: Database, runId: string): Promise<number | null> {
  const [row] = await sql<{ worker: string | null }[]>`
    select worker_id as worker from runs where id = ${runId}`;
  const pid = /-(\d+)$/.exec(row?.worker ?? '')?.[1];
  return pid === undefined ? null : Number(pid);
}

/** How many lines a file of the workspace has, none when it is not there: what a command appended, once or twice. */
export async function countLines(client: Client, projectId: string, file: string): Promise<number> {
  try {
    const bytes = await client.readFile(projectId, file);
    return new TextDecoder().decode(bytes).split('\n').length - 1;
  } catch (error) {
    if (error instanceof SwitchyardError && error.code === 'not_found') return 0;
    throw error;
  }
}
