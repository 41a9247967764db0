import { z } from 'zod';
import { type WireRequest, wireRequestSchema } from '../wire.ts';
import {
  type AnswerEnd,
  type AnswerHeading,
  type AnswerUsage,
  refused,
  type SentPiece,
  type WireFailure,
  type WireFormat,
} from './wire-format.ts';

/** The wire of `POST /v1/chat/completions`, which nearly every server speaks. */
export const chatWire: WireFormat = {
  read(body) {
    const parsed = wireRequestSchema.safeParse(body);
    if (!parsed.success) return refused(z.prettifyError(parsed.error));
    const problem = problemOfRoles(parsed.data);
    return problem === null ? { outcome: 'read', request: parsed.data } : refused(problem);
  },

  stream(heading) {
    const head = `data: {"id":"chatcmpl-${heading.id}","object":"chat.completion.chunk","created":${heading.createdAt},"model":${JSON.stringify(heading.model)}`;
    const frame = (delta: object, finishReason: string | null) =>
      `${head},"choices":[{"index":0,"delta":${JSON.stringify(delta)},"finish_reason":${JSON.stringify(finishReason)}}]}\n\n`;
    const whole = heading.style.calls === 'whole';
    let held: { index: number; id: string; name: string; text: string } | null = null;
    const release = () => {
      if (held === null) return '';
      const { index, id, name, text } = held;
      held = null;
      return frame(callDelta(heading, { index, id, name, text }), null);
    };
    const { stream_options: options } = heading.body as WireRequest;
    return {
      begin: () => frame({ role: 'assistant', content: '' }, null),
      piece(piece) {
        if (!whole) return frame(deltaOf(heading, piece), null);
        if (piece.kind === 'arguments') {
          if (held !== null) held.text += piece.text;
          return '';
        }
        const released = release();
        if (piece.kind === 'call') {
          held = { index: piece.index, id: piece.id, name: piece.name, text: '' };
          return released;
        }
        return released + frame(deltaOf(heading, piece), null);
      },
      end({ finishReason, usage }) {
        const last = release() + frame({}, finishReason);
        const counted =
          options?.include_usage === true && usage !== null
            ? `${head},"choices":[],"usage":${JSON.stringify(usageOf(usage))}}\n\n`
            : '';
        return `${last}${counted}data: [DONE]\n\n`;
      },
      fail: (failure) => `data: ${JSON.stringify(refusal(failure))}\n\ndata: [DONE]\n\n`,
    };
  },

  whole(heading, items, { finishReason, usage }: AnswerEnd) {
    const textOf = (kind: 'text' | 'reasoning') =>
      items.map((item) => (item.kind === kind ? item.text : '')).join('');
    const calls = items.flatMap((item) =>
      item.kind === 'call'
        ? [{ id: item.id, type: 'function', function: { name: item.name, arguments: item.arguments } }]
        : [],
    );
    const [text, reasoning] = [textOf('text'), textOf('reasoning')];
    return {
      id: `chatcmpl-${heading.id}`,
      object: 'chat.completion',
      created: heading.createdAt,
      model: heading.model,
      choices: [
        {
          index: 0,
          finish_reason: finishReason,
          message: {
            role: 'assistant',
            content: text === '' && calls.length > 0 ? null : text,
            ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
            ...(calls.length === 0 ? {} : { tool_calls: calls }),
          },
        },
      ],
      ...(usage === null ? {} : { usage: usageOf(usage) }),
    };
  },

  refusal,
};

/** What the chat templates of some models refuse, Mistral's and Gemma's among them. */
function problemOfRoles({ messages }: WireRequest): string | null {
  const at = messages.findIndex(
    ({ role }, index) => (role === 'user' || role === 'assistant') && role === messages[index - 1]?.role,
  );
  return at === -1 ? null : `messages.${at}: Conversation roles must alternate user/assistant.`;
}

function deltaOf(heading: AnswerHeading, piece: SentPiece): object {
  switch (piece.kind) {
    case 'text':
      return { content: piece.text };
    case 'reasoning':
      return { reasoning_content: piece.text };
    case 'call':
      return callDelta(heading, { ...piece, text: '' });
    case 'arguments':
      return { tool_calls: [{ ...indexOf(heading, piece.index), function: { arguments: piece.text } }] };
  }
}

function callDelta(
  heading: AnswerHeading,
  call: { readonly index: number; readonly id: string; readonly name: string; readonly text: string },
): object {
  const id = heading.style.callIds === 'missing' ? {} : { id: call.id };
  const parts = { type: 'function', function: { name: call.name, arguments: call.text } };
  return { tool_calls: [{ ...indexOf(heading, call.index), ...id, ...parts }] };
}

function indexOf({ style }: AnswerHeading, index: number): { index?: number } {
  if (style.callIndex === 'missing') return {};
  return { index: style.callIndex === 'zero' ? 0 : index };
}

function usageOf({ inputTokens, cachedInputTokens, outputTokens }: AnswerUsage): object {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens },
  };
}

function refusal({ kind, status, message }: WireFailure): object {
  const isTooLong = kind === 'context-length';
  const type = openaiErrorTypes[status] ?? 'server_error';
  const code = isTooLong ? 'context_length_exceeded' : kind === 'overloaded' ? 'overloaded' : null;
  return { error: { message, type, param: isTooLong ? 'messages' : null, code } };
}

/** How OpenAI names its refusals. */
export const openaiErrorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  404: 'invalid_request_error',
  429: 'rate_limit_error',
};
