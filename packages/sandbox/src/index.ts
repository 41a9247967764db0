export type { JSONValue } from './json.ts';
export type {
  AttachOptions,
  CallRecord,
  Claim,
  CommandDeed,
  CommandOptions,
  CommandResult,
  CommandState,
  ExpectedVersion,
  FileChange,
  FileContent,
  FileReader,
  FileStat,
  Listing,
  Sandbox,
} from './sandbox.ts';
export type { SandboxLease, SandboxRecords } from './sandbox-records.ts';
export type { SandboxServiceOptions } from './sandbox-service.ts';
export { checkSandboxValues, sandboxOptionsOf, sandboxVariables } from './configuration.ts';
export { createSandboxes, type OpenOptions, type Sandboxes, type SandboxesOptions } from './sandboxes.ts';
export { commandIdOf, sandboxIdOf } from './call-key.ts';
export { deedOf } from './background-commands.ts';
export { maxBackgroundBytes, maxBackgroundCommands } from './background-text.ts';
export { resolveReadablePath } from './command-log.ts';
export { ClaimTakenError } from './claim-taken-error.ts';
export { relativeToWorkspace, resolveWorkspacePath, workspaceRoot } from './workspace-path.ts';
export { maxReadBytes } from './read-files.ts';
export { explainChange } from './change-files.ts';
export type { GlobAnswer, SearchAnswer } from './inside/search-files.ts';
export { terminalText } from './terminal-text.ts';
export { skippedFolders } from './inside/walk-files.ts';
