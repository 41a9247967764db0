import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  AppError,
  approvalAnswerSchema,
  chatMessageSchema,
  type ChatPart,
  chatPartSchema,
  type ChatRequest,
  chatRequestSchema,
  newId,
} from '@switchyard/protocol';
import type { ApprovalAnswer } from '@switchyard/store';
import { z } from 'zod';
import type { Place } from './gate.ts';
import { limits } from './limits.ts';
import { readJson } from './read-body.ts';
import { invalid, validate } from './validate.ts';

/** A user's message as it came. */
export interface ChatMessage {
  /** The client's own. */
  readonly id: string;
  readonly parts: readonly ChatPart[];
  /** Hash of the parts as they came, data urls included. */
  readonly clientHash: string;
  /** Where the parts stand in the body (RFC 6901). */
  readonly pointer: string;
}

/** What a chat's request asks for: it follows from the last message and the trigger alone. */
export type ChatCommand =
  | {
      readonly kind: 'submit';
      readonly message: ChatMessage;
      /** The message that an edit replaces, when it is not the message's own id. */
      readonly replacedMessageId: string | undefined;
    }
  | {
      readonly kind: 'regenerate';
      readonly message: ChatMessage | null;
      readonly answerId: string | undefined;
    }
  | {
      readonly kind: 'answer';
      readonly messageId: string;
      readonly approvals: readonly ApprovalAnswer[];
    };

export interface ReadChatRequest {
  readonly body: ChatRequest;
  readonly command: ChatCommand;
}

/**
 * Reads the body of `POST /v1/chat`. Throws AppError `unsupported_media_type`, `payload_too_large`,
 * `invalid_request` or `unavailable`.
 */
export async function readChatRequest(incoming: IncomingMessage, place: Place): Promise<ReadChatRequest> {
  const value = await readJson(incoming, {
    maxBytes: limits.chatBytes,
    timeoutMs: limits.uploadTimeoutMs,
    place,
  });
  const body = validate(chatRequestSchema, value);
  return { body, command: commandOf(body) };
}

function commandOf({ messages, trigger, messageId }: ChatRequest): ChatCommand {
  const pointer = `/messages/${messages.length - 1}`;
  const last = validate(chatMessageSchema, messages.at(-1), pointer);
  const id = last.id ?? newId();
  const named = messageId ?? undefined;
  switch (trigger) {
    case 'regenerate-message':
      return last.role === 'user'
        ? { kind: 'regenerate', message: messageOf(id, last.parts, pointer), answerId: named }
        : { kind: 'regenerate', message: null, answerId: named ?? id };
    case 'submit-message':
      return last.role === 'user'
        ? {
            kind: 'submit',
            message: messageOf(id, last.parts, pointer),
            replacedMessageId: named === id ? undefined : named,
          }
        : { kind: 'answer', messageId: id, approvals: approvalsOf(last.parts, pointer) };
  }
}

function messageOf(id: string, given: readonly unknown[], pointer: string): ChatMessage {
  const parts = validate(z.array(chatPartSchema).max(100), given, `${pointer}/parts`);
  if (!parts.some((part) => part.type !== 'text' || part.text.trim() !== '')) {
    throw invalid([{ pointer: `${pointer}/parts`, detail: 'The message is empty.' }]);
  }
  const words = parts.reduce((sum, part) => sum + (part.type === 'text' ? part.text.length : 0), 0);
  if (words > limits.jsonBytes) {
    throw new AppError('payload_too_large', `The message is longer than ${limits.jsonBytes} characters.`);
  }
  // Of each part only what is read, with its members in the schema's order: clients add and reorder others.
  const clientHash = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return { id, parts, clientHash, pointer: `${pointer}/parts` };
}

function approvalsOf(parts: readonly unknown[], pointer: string): ApprovalAnswer[] {
  const approvals = parts.flatMap((part, index) => {
    if (
      typeof part !== 'object' ||
      part === null ||
      !('state' in part) ||
      part.state !== 'approval-responded'
    ) {
      return [];
    }
    const { approval } = validate(approvalAnswerSchema, part, `${pointer}/parts/${index}`);
    return [{ approvalId: approval.id, approved: approval.approved, reason: approval.reason ?? undefined }];
  });
  if (approvals.length === 0) {
    const detail = "The last message is an assistant's and answers no approval: send a user's message.";
    throw invalid([{ pointer, detail }]);
  }
  return approvals;
}
