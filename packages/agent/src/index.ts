export type { JSONValue } from 'ai';
export { defaultRetryPolicy, type RetryPolicy } from './ask-model.ts';
export { type ApprovalRule, findRule, parseApprovalRules } from './approval-rules.ts';
export { copyAttachedFiles, filesOfLastMessage, type FileSource } from './attached-files.ts';
export { type Budget, createBudget } from './budget.ts';
export { composeEnding, type RunEnding } from './ending.ts';
export { tokensOfPrompt } from './context/estimate.ts';
export { foldChunks } from './fold.ts';
export { createModelChoice, type ModelChoice } from './model-choice.ts';
export { createModels, type Model, type ModelConnections, type Models } from './models.ts';
export { type OpenedRun, openRun } from './open-run.ts';
export { defaultModelDeadlines, type ModelDeadlines } from './patience.ts';
export type { AgentOutcome, ClaimedRun } from './claimed-run.ts';
export { runAgent } from './run-agent.ts';
export { closedCall } from './repair-history.ts';
export { createRunStop, type RunStop, RunStopped, type StopCause } from './run-stop.ts';
export type { RunJournal } from './run-journal.ts';
export type { StoredResult } from './stored-result.ts';
export { createSandboxAccess, lostSandboxText, type SandboxAccess } from './sandbox-access.ts';
export { isOutage, throughOutages } from './store-outage.ts';
export {
  type CallRecord,
  defineTool,
  type Lane,
  type ModelOutputPart,
  type LeftCommand,
  type Subject,
  type Tool,
  type ToolContext,
  type ToolEffect,
  type ToolNeed,
  type ToolResult,
} from './tool.ts';
export { createPictures } from './pictures.ts';
export { createToolset, type Toolset } from './toolset.ts';
export { wordsOfMessage, writeTitle } from './title.ts';
export type { Spent } from './usage.ts';
