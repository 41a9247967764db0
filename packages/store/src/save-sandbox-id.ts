import type { Database } from './database.ts';

/** Compare and set; answers the id that stands, which is another worker's when it was faster. */
export async function saveSandboxId(
  _sql: Database,
  _options: { readonly projectId: string; readonly sandboxId: string; readonly expected: string | null },
): Promise<string> {
  throw new Error('not built yet');
}
