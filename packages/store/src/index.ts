export type { Actor } from './actor.ts';
export { createApiKey } from './api-keys.ts';
export {
  type AnsweredApprovals,
  answerApprovals,
  type ApprovalAnswer,
  type ParkRun,
  parkRun,
} from './approvals.ts';
export { type Blobs, createBlobs } from './blobs.ts';
export { hasMessage, readAnsweringRun, readChatRun, stopThread } from './chat-runs.ts';
export { claimRun, type ModelPrices, reclaimRun, type RunClaim } from './claim-run.ts';
export { type CorrectedRun, type Correction, correctRun, takeCorrections } from './corrections.ts';
export { connectDatabase, type Database } from './database.ts';
export { RunLostError } from './errors.ts';
export { createFile, readFile } from './files.ts';
export { type FinishRun, finishRun } from './finish-run.ts';
export { inTransaction } from './in-transaction.ts';
export { loadRun, type RunContext } from './load-run.ts';
export { migrate } from './migrate.ts';
export {
  createProject,
  type DeletedProject,
  deleteProject,
  listProjects,
  readProject,
  updateProject,
} from './projects.ts';
export { type MessagePage, readMessages } from './read-messages.ts';
export type { PartToStore } from './part-record.ts';
export { readLastIncarnation } from './read-last-incarnation.ts';
export { type FollowedRun, readFollowedRuns } from './read-followed-runs.ts';
export { listThreadRuns, readRun } from './read-run.ts';
export { isCancelRequested, releaseRun } from './release-run.ts';
export { type RequestedCancel, requestCancel } from './request-cancel.ts';
export { resolveApiKey, resolveUser } from './resolve-actor.ts';
export { createSandboxRecords } from './sandbox-records.ts';
export { type SetToolState, setToolState } from './set-tool-state.ts';
export { snapshot } from './snapshot.ts';
export { startChatRun, type StartChatRunOptions } from './start-chat-run.ts';
export {
  type OnBusy,
  type RunOptions,
  type StartedRun,
  startRun,
  type StartRunOptions,
  type StoppedRun,
} from './start-run.ts';
export { type StoreParts, storeParts } from './store-parts.ts';
export type {
  DeletedRuns,
  FileRow,
  Ledger,
  RunnableRun,
  StoredPart,
  ThreadPage,
  ToolEffect,
} from './stored.ts';
export { createStreamTicket, readTicketRun, revokeStreamTickets } from './stream-tickets.ts';
export {
  findDiscardedSandboxes,
  findLooseObjects,
  findTroubledRuns,
  forgetObjects,
  reserveObjects,
  type RunTrouble,
  settleDiscardedSandbox,
  type TroubledRun,
  wakeRun,
} from './sweep.ts';
export {
  createThread,
  deleteThread,
  type ListThreads,
  listThreads,
  readThread,
  updateThread,
} from './threads.ts';
export { nameThread } from './name-thread.ts';
