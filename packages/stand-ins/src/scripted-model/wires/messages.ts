import { z } from 'zod';
import { parseJson } from '../http.ts';
import type { WireMessage, WireRequest } from '../wire.ts';
import { isSealed, sealed } from './seal.ts';
import {
  type AnswerEnd,
  type AnswerHeading,
  type AnswerItem,
  type AnswerUsage,
  refused,
  type SentPiece,
  type WireFailure,
  type WireFormat,
} from './wire-format.ts';

const blockSchema = z.looseObject({ type: z.string(), text: z.string().optional() });
type Block = z.infer<typeof blockSchema>;
const contentSchema = z.union([z.string(), z.array(blockSchema)]);

const requestSchema = z.looseObject({
  model: z.string().min(1),
  max_tokens: z.int().positive(),
  system: contentSchema.optional(),
  messages: z.array(z.looseObject({ role: z.enum(['user', 'assistant']), content: contentSchema })).min(1),
  tools: z.array(z.looseObject({ name: z.string(), input_schema: z.unknown().optional() })).nullish(),
  stream: z.boolean().nullish(),
  thinking: z.looseObject({ type: z.string() }).optional(),
});

/** The wire of Anthropic's `POST /v1/messages`. */
export const messagesWire: WireFormat = {
  read(body) {
    const parsed = requestSchema.safeParse(body);
    if (!parsed.success) return refused(z.prettifyError(parsed.error));
    const { model, system, messages, tools, stream } = parsed.data;
    const problem = problemOf(parsed.data);
    if (problem !== null) return refused(problem);
    const lead: WireMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
    const request: WireRequest = {
      model,
      messages: [...lead, ...messages.flatMap(messagesOf)],
      tools: (tools ?? []).map(({ name, input_schema: parameters }) => ({
        type: 'function',
        function: { name, parameters },
      })),
      stream: stream ?? false,
    };
    return { outcome: 'read', request };
  },

  stream(heading) {
    let count = 0;
    let index = -1;
    let open: { kind: AnswerItem['kind']; text: string } | null = null;
    const frame = (type: string, rest: object) =>
      `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
    /** A call that is to come at once, and waits for the end of its arguments. */
    let held: { readonly id: string; readonly name: string; text: string } | null = null;
    const delta = (change: object) => frame('content_block_delta', { index, delta: change });

    function release(): string {
      if (held === null) return '';
      const { id, name, text } = held;
      held = null;
      return begin('call', { type: 'tool_use', id, name, input: parseJson(text) ?? {} });
    }

    function close(): string {
      if (open === null) return '';
      const signature =
        open.kind === 'reasoning' ? delta({ type: 'signature_delta', signature: sealed(open.text) }) : '';
      open = null;
      return signature + frame('content_block_stop', { index });
    }

    function begin(kind: AnswerItem['kind'], block: object): string {
      const closing = close();
      index = heading.style.callIndex === 'zero' ? 0 : count;
      count += 1;
      open = { kind, text: '' };
      return closing + frame('content_block_start', { index, content_block: block });
    }

    function write(piece: SentPiece): string {
      if (piece.kind === 'arguments' && held !== null) {
        held.text += piece.text;
        return '';
      }
      const released = release();
      if (piece.kind !== 'call' || heading.style.calls !== 'whole') return released + writePiece(piece);
      held = { id: piece.id, name: piece.name, text: '' };
      return released;
    }

    function writePiece(piece: SentPiece): string {
      switch (piece.kind) {
        case 'call':
          return begin('call', { type: 'tool_use', id: piece.id, name: piece.name, input: {} });
        case 'arguments':
          return delta({ type: 'input_json_delta', partial_json: piece.text });
        case 'text':
        case 'reasoning': {
          const isText = piece.kind === 'text';
          const block = isText
            ? { type: 'text', text: '' }
            : { type: 'thinking', thinking: '', signature: '' };
          const begun = open?.kind === piece.kind ? '' : begin(piece.kind, block);
          if (open !== null) open.text += piece.text;
          const change = isText
            ? { type: 'text_delta', text: piece.text }
            : { type: 'thinking_delta', thinking: piece.text };
          return begun + delta(change);
        }
      }
    }

    return {
      begin: () =>
        frame('message_start', {
          message: messageOf(heading, { content: [], stop_reason: null, usage: startUsage }),
        }) + frame('ping', {}),
      piece: write,
      end({ finishReason, usage }) {
        const ending = { stop_reason: stopReasonOf(finishReason), stop_sequence: null };
        return (
          release() +
          close() +
          frame('message_delta', { delta: ending, usage: usageOf(usage) }) +
          frame('message_stop', {})
        );
      },
      fail: (failure) => frame('error', refusalOf(failure)),
    };
  },

  whole: (heading, items, { finishReason, usage }: AnswerEnd) =>
    messageOf(heading, {
      content: items.map(blockOf),
      stop_reason: stopReasonOf(finishReason),
      usage: usageOf(usage),
    }),

  refusal: refusalOf,
};

/**
 * What Anthropic refuses: texts of nothing but space, a conversation that ends with the model's own words, thinking that
 * is not its own word for word or has nothing behind it, and thinking on after calls that have none before them.
 */
function problemOf({ messages, thinking: mode }: z.infer<typeof requestSchema>): string | null {
  if (messages.at(-1)?.role === 'assistant') return 'The conversation must end with a user message.';
  for (const [at, { role, content }] of messages.entries()) {
    if (typeof content === 'string') {
      if (content.trim() === '') return `messages.${at}: must have non-empty content`;
      continue;
    }
    for (const [index, block] of content.entries()) {
      const place = `messages.${at}.content.${index}`;
      const inner = block.type === 'tool_result' ? (block as unknown as ToolResult).content : undefined;
      if ([block, ...(Array.isArray(inner) ? inner : [])].some(isBlank)) {
        return `${place}: text content blocks must contain non-whitespace text`;
      }
      const { thinking, signature } = block as { thinking?: string; signature?: string };
      if (block.type === 'thinking' && !isSealed(signature ?? '', thinking ?? '')) {
        return `${place}: Invalid \`signature\` in \`thinking\` block`;
      }
    }
    if (role === 'assistant' && content.at(-1)?.type.endsWith('thinking')) {
      return `messages.${at}: The final block in an assistant message cannot be \`thinking\`.`;
    }
  }
  const last = messages.findLastIndex(({ role }) => role === 'assistant');
  const blocks = messages[last]?.content ?? '';
  if (mode?.type !== 'enabled' || typeof blocks === 'string') return null;
  const [first] = blocks;
  const isPlanned = first?.type === 'thinking' || first?.type === 'redacted_thinking';
  if (isPlanned || !blocks.some(({ type }) => type === 'tool_use')) return null;
  return `messages.${last}.content.0: Expected \`thinking\` or \`redacted_thinking\`, but found \`${first?.type}\``;
}

function isBlank({ type, text }: Block): boolean {
  return type === 'text' && (text ?? '').trim() === '';
}

/** The results of calls are messages of their own for a scenario, before what else the person's message holds. */
function messagesOf({ role, content }: { role: string; content: string | Block[] }): WireMessage[] {
  if (typeof content === 'string') return [{ role, content }];
  if (role === 'assistant') {
    const calls = content.filter(({ type }) => type === 'tool_use') as unknown as ToolUse[];
    return [
      {
        role,
        content: content.map(({ text }) => text ?? '').join(''),
        tool_calls: calls.map(({ id, name, input }) => ({
          id,
          function: { name, arguments: JSON.stringify(input) },
        })),
      },
    ];
  }
  const isResult = ({ type }: Block) => type === 'tool_result';
  const results = content.filter(isResult) as unknown as ToolResult[];
  const rest = content.filter((block) => !isResult(block));
  return [
    ...results.map((result) => ({
      role: 'tool',
      tool_call_id: result.tool_use_id,
      content: result.content ?? '',
    })),
    ...(rest.length === 0 ? [] : [{ role, content: rest }]),
  ];
}

interface ToolUse {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}
interface ToolResult {
  readonly tool_use_id: string;
  readonly content?: string | Block[];
}

function messageOf(heading: AnswerHeading, rest: object): object {
  return {
    id: `msg_${heading.id}`,
    type: 'message',
    role: 'assistant',
    model: heading.model,
    stop_sequence: null,
    ...rest,
  };
}

function blockOf(item: AnswerItem): object {
  switch (item.kind) {
    case 'text':
      return { type: 'text', text: item.text };
    case 'reasoning':
      return { type: 'thinking', thinking: item.text, signature: sealed(item.text) };
    case 'call':
      return { type: 'tool_use', id: item.id, name: item.name, input: parseJson(item.arguments) ?? {} };
  }
}

const stopReasons: Readonly<Record<string, string>> = {
  stop: 'end_turn',
  tool_calls: 'tool_use',
  length: 'max_tokens',
  content_filter: 'refusal',
};

function stopReasonOf(finishReason: string): string {
  return stopReasons[finishReason] ?? finishReason;
}

/** The input is counted at the end too, where it replaces what the beginning said. */
const startUsage = { input_tokens: 1, output_tokens: 1 };

/** Anthropic's input tokens are those that no cache held. This wire always states a usage: null becomes zeros. */
function usageOf(usage: AnswerUsage | null): object {
  const { inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens } = usage ?? {
    inputTokens: 0,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
  };
  return {
    input_tokens: inputTokens - cachedInputTokens - cacheWriteTokens,
    cache_read_input_tokens: cachedInputTokens,
    cache_creation_input_tokens: cacheWriteTokens,
    output_tokens: outputTokens,
  };
}

const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

function refusalOf({ kind, status, message }: WireFailure): object {
  const type = kind === 'overloaded' ? 'overloaded_error' : (errorTypes[status] ?? 'api_error');
  return { type: 'error', error: { type, message } };
}
