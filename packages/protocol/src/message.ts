import type { UIMessage, UIMessageChunk, UIMessagePart, UITools } from 'ai';
import type { Run, RunReason, RunStatus, Usage } from './run.ts';

/** What every assistant message says of the run that wrote it; complete only once the run has ended. */
export interface MessageMetadata {
  readonly runId: string;
  readonly threadId: string;
  readonly projectId: string;
  readonly model: string;
  readonly status: RunStatus;
  readonly reason: RunReason | null;
  readonly usage: Usage;
  readonly costUsd: number | null;
  /** Not `steps`: assistant-ui takes a field of that name for a list of its own. */
  readonly stepCount: number;
  readonly durationMs: number | null;
}

export interface Todo {
  readonly text: string;
  readonly status: 'open' | 'in-progress' | 'done';
}

/**
 * Our own kinds of UI message parts, each `data-<key>` on the wire. `run`, `title` and `tool-output` are transient: they
 * are streamed and never become part of the message. A data part's id is never used in two steps.
 */
export type DataParts = {
  run: { runId: string; status: RunStatus; epoch: number; queuePosition?: number };
  title: { title: string };
  /** Which model wrote the step that it stands in, when that was not the run's own. */
  model: { model: string };
  todo: { todos: readonly Todo[] };
  /** A file of the workspace: one that a person attached has a `fileId`, one that the agent hands over has none. */
  file: { fileId?: string; name: string; mediaType: string; size: number; path: string };
  preview: { port: number; title?: string };
  notice: { code: string; text: string };
  /** Stands in the place of all that came before its step when the model reads on; what came before stays stored. */
  summary: { text: string };
  /** From here on the model reads a note in the place of each long result up to that call; the results stay stored. */
  pruned: { upToCallId: string };
  steering: { messageId: string; text: string };
  'tool-output': { toolCallId: string; stream: 'stdout' | 'stderr'; text: string };
};

export type SwitchyardMessage = UIMessage<MessageMetadata, DataParts, UITools>;
export type MessagePart = UIMessagePart<DataParts, UITools>;
export type Chunk = UIMessageChunk<MessageMetadata, DataParts>;
export type DataPart = Extract<MessagePart, { type: `data-${string}` }>;

/** A part that holds a tool call: `tool-<name>` for our own tools, `dynamic-tool` for names we do not know. */
export type ToolPart = Extract<MessagePart, { toolCallId: string }>;

export function isToolPart(part: MessagePart): part is ToolPart {
  return part.type === 'dynamic-tool' || part.type.startsWith('tool-');
}

export function toolNameOf(part: ToolPart): string {
  return part.type === 'dynamic-tool' ? part.toolName : part.type.slice('tool-'.length);
}

/** The metadata of a run's assistant message: a pure function of the run, so that stream and store agree. */
export function metadataOfRun(run: Run): MessageMetadata {
  return {
    runId: run.id,
    threadId: run.threadId,
    projectId: run.projectId,
    model: run.model,
    status: run.status,
    reason: run.reason,
    usage: run.usage,
    costUsd: run.costUsd,
    stepCount: run.steps,
    durationMs: run.startedAt && run.endedAt ? Date.parse(run.endedAt) - Date.parse(run.startedAt) : null,
  };
}
