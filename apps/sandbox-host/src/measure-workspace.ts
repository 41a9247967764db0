import { createCpuBudget } from './cpu-budget.ts';
import { measureDeletedFiles } from './measure-deleted-files.ts';
import { type DiskUse, measureFolder } from './measure-folder.ts';

/** For one sandbox at one look: some hundred thousand descriptors. */
const maxCpuMs = 3_000;

export interface WorkspaceToMeasure {
  readonly folder: string;
  /** Of its namespace's first process, as this machine sees it. */
  readonly rootPid: number;
  /** Counted no further than this. */
  readonly maxFiles: number;
  /** Null for a host that enters every folder as it is. */
  readonly bwrapPath: string | null;
}

/** What a workspace takes up, files that are deleted but in use included; null when that could not be told. */
export async function measureWorkspace({
  folder,
  rootPid,
  maxFiles,
  bwrapPath,
}: WorkspaceToMeasure): Promise<DiskUse | null> {
  const use = await measureFolder(folder, { bwrapPath, maxFiles });
  if (use === null) return null;
  const deletedBytes = await measureDeletedFiles(folder, { rootPid, budget: createCpuBudget(maxCpuMs) });
  return deletedBytes === null ? null : { ...use, bytes: use.bytes + deletedBytes };
}
