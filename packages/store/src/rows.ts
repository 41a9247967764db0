import {
  type InstructedProject,
  type MessagePart,
  metadataOfRun,
  type Project,
  type Run,
  type RunLimits,
  type RunReason,
  type RunStatus,
  type SwitchyardMessage,
  type Thread,
} from '@switchyard/protocol';
import type { FileRow } from './stored.ts';

/** A row of `runs` as JSON; times as Postgres writes them into JSON. */
export interface RunRow {
  readonly id: string;
  readonly account_id: string;
  readonly project_id: string;
  readonly thread_id: string;
  readonly message_id: string;
  readonly status: RunStatus;
  readonly reason: RunReason | null;
  readonly model: string;
  readonly limits: RunLimits;
  readonly instructions: string | null;
  readonly error: { readonly code: string; readonly detail: string } | null;
  readonly wakeup: number;
  readonly priority: number;
  readonly steps: number;
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly output_tokens: number;
  readonly total_tokens: number;
  readonly is_usage_estimated: boolean;
  readonly cost_usd: number | null;
  readonly last_ordinal: number;
  readonly wait_event_id: string | null;
  readonly waited_ms: number;
  readonly last_event_id: string | null;
  readonly cancel_requested_at: string | null;
  readonly model_aborted_at: string | null;
  readonly tool_killed_at: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
}

/** A row of `threads` as JSON, with what `thread_row` adds. */
export interface ThreadRow {
  readonly id: string;
  readonly external_id: string | null;
  readonly project_id: string;
  readonly title: string | null;
  readonly is_title_provisional: boolean;
  readonly archived: boolean;
  readonly active_run: { readonly id: string; readonly status: string } | null;
  readonly needs_input: boolean;
  readonly last_message_at: string | null;
  readonly active_at: string;
  readonly metadata: Record<string, unknown>;
  readonly created_at: string;
}

export interface ProjectRow {
  readonly id: string;
  readonly name: string;
  readonly sandbox_id: string | null;
  readonly instructions: string | null;
  readonly created_at: string;
}

export interface StoredFileRow {
  readonly id: string;
  readonly project_id: string | null;
  readonly name: string;
  readonly media_type: string;
  readonly size: number;
  readonly object_key: string;
  readonly path: string | null;
  readonly created_at: string;
}

/** What `message_row` answers: an assistant's message comes with the run that writes it. */
export interface MessageRow {
  readonly id: string;
  readonly role: 'user' | 'assistant';
  readonly position: number;
  readonly run: RunRow | null;
  readonly parts: MessagePart[];
}

export function runOfRow(row: RunRow): Run {
  return {
    id: row.id,
    threadId: row.thread_id,
    projectId: row.project_id,
    messageId: row.message_id,
    status: row.status,
    reason: row.reason,
    model: row.model,
    limits: row.limits,
    usage: {
      inputTokens: row.input_tokens,
      cachedInputTokens: row.cached_input_tokens,
      outputTokens: row.output_tokens,
      totalTokens: row.total_tokens,
      estimated: row.is_usage_estimated,
    },
    costUsd: row.cost_usd,
    steps: row.steps,
    error: row.error,
    lastEventId: row.last_event_id,
    cancel: row.cancel_requested_at
      ? {
          acceptedAt: timestamp(row.cancel_requested_at),
          modelAbortedAt: row.model_aborted_at && timestamp(row.model_aborted_at),
          toolKilledAt: row.tool_killed_at && timestamp(row.tool_killed_at),
        }
      : null,
    createdAt: timestamp(row.created_at),
    startedAt: row.started_at && timestamp(row.started_at),
    endedAt: row.ended_at && timestamp(row.ended_at),
  };
}

export function threadOfRow(row: ThreadRow): Thread {
  return {
    id: row.id,
    externalId: row.external_id,
    projectId: row.project_id,
    title: row.title,
    archived: row.archived,
    activeRun: row.active_run,
    needsInput: row.needs_input,
    lastMessageAt: row.last_message_at && timestamp(row.last_message_at),
    metadata: row.metadata,
    createdAt: timestamp(row.created_at),
  };
}

export function projectOfRow(row: ProjectRow): Project {
  return { id: row.id, name: row.name, createdAt: timestamp(row.created_at) };
}

export function instructedProjectOfRow(row: ProjectRow): InstructedProject {
  return { ...projectOfRow(row), instructions: row.instructions };
}

export function fileOfRow(row: StoredFileRow): FileRow {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    mediaType: row.media_type,
    size: row.size,
    objectKey: row.object_key,
    path: row.path,
    createdAt: timestamp(row.created_at),
  };
}

/** The message as it was streamed: an assistant's metadata is a pure function of its run. */
export function messageOfRow(row: MessageRow): SwitchyardMessage {
  const message = { id: row.id, role: row.role, parts: row.parts };
  return row.run ? { ...message, metadata: metadataOfRun(runOfRow(row.run)) } : message;
}

/** ISO 8601 in UTC, milliseconds; Postgres writes microseconds and an offset. */
function timestamp(text: string): string {
  return new Date(text).toISOString();
}
