import { z } from 'zod';
import type { WireMessage, WireRequest } from '../wire.ts';
import { isSealed } from './seal.ts';
import { badRequest, type ReadRequest, refused, type WireFailure } from './wire-format.ts';

const partSchema = z.looseObject({ type: z.string(), text: z.string().optional() });
const contentSchema = z.union([z.string(), z.array(partSchema)]);

const itemSchema = z.union([
  z.looseObject({
    type: z.literal('function_call'),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
  z.looseObject({ type: z.literal('function_call_output'), call_id: z.string(), output: contentSchema }),
  z.looseObject({
    type: z.literal('reasoning'),
    id: z.string().optional(),
    encrypted_content: z.string().nullish(),
  }),
  z.looseObject({ type: z.literal('message').optional(), role: z.string(), content: contentSchema }),
]);

const requestSchema = z.looseObject({
  model: z.string().min(1),
  input: z.union([z.string(), z.array(itemSchema).min(1)]),
  instructions: z.string().nullish(),
  tools: z
    .array(
      z.looseObject({ type: z.string(), name: z.string().optional(), parameters: z.unknown().optional() }),
    )
    .nullish(),
  stream: z.boolean().nullish(),
  store: z.boolean().nullish(),
  include: z.array(z.string()).nullish(),
});

/** A request of the Responses wire in the shape that scenarios read. */
export function readResponsesRequest(body: unknown): ReadRequest {
  const parsed = requestSchema.safeParse(body);
  if (!parsed.success) return refused(z.prettifyError(parsed.error));
  const { model, input, instructions, tools, stream } = parsed.data;
  const items = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
  const problem = problemOfReasoning(items);
  if (problem !== null) return { outcome: 'refused', failure: problem };
  const lead: WireMessage[] = instructions ? [{ role: 'system', content: instructions }] : [];
  const request: WireRequest = {
    model,
    messages: [...lead, ...messagesOf(items)],
    tools: (tools ?? []).map(({ type, name, parameters }) => ({
      type,
      ...(name === undefined ? {} : { function: { name, parameters } }),
    })),
    stream: stream ?? false,
  };
  return { outcome: 'read', request };
}

type Item = z.infer<typeof itemSchema>;

/** What OpenAI refuses of reasoning that comes back: what it does not have, what is not its own, what led to nothing. */
function problemOfReasoning(items: readonly Item[]): WireFailure | null {
  for (const [index, item] of items.entries()) {
    if (!('encrypted_content' in item) && item['type'] !== 'reasoning') continue;
    const { encrypted_content: content, id } = item as { encrypted_content?: string | null; id?: string };
    if (content == null) {
      return {
        kind: 'status',
        status: 404,
        message: `Item with id '${id}' not found. Items are not persisted when \`store\` is set to false.`,
      };
    }
    if (!isSealed(content)) return badRequest('The encrypted content could not be verified.');
    const next = items[index + 1];
    const isFollowed =
      next !== undefined && !('output' in next) && !('role' in next && next['role'] !== 'assistant');
    if (!isFollowed) {
      return badRequest(`Item '${id}' of type 'reasoning' was provided without its required following item.`);
    }
  }
  return null;
}

/** Reasoning, text and calls that follow each other are one turn of the assistant. */
function messagesOf(items: readonly Item[]): WireMessage[] {
  const messages: WireMessage[] = [];
  let turn: {
    role: 'assistant';
    content: string;
    tool_calls: NonNullable<WireMessage['tool_calls']>;
  } | null = null;
  const assistant = () => {
    if (turn === null) messages.push((turn = { role: 'assistant', content: '', tool_calls: [] }));
    return turn;
  };
  for (const item of items) {
    if ('output' in item) {
      turn = null;
      const { call_id: tool_call_id, output } = item as Extract<Item, { type: 'function_call_output' }>;
      messages.push({ role: 'tool', tool_call_id, content: textParts(output) });
    } else if ('arguments' in item) {
      const call = item as Extract<Item, { type: 'function_call' }>;
      assistant().tool_calls.push({
        id: call.call_id,
        function: { name: call.name, arguments: call.arguments },
      });
    } else if ('role' in item) {
      const { role, content } = item as { role: string; content: z.infer<typeof contentSchema> };
      if (role === 'assistant') {
        const parts = typeof content === 'string' ? content : content.map(({ text }) => text ?? '').join('');
        assistant().content += parts;
      } else {
        turn = null;
        messages.push({ role: role === 'developer' ? 'system' : role, content: textParts(content) });
      }
    } else assistant();
  }
  return messages;
}

function textParts(content: z.infer<typeof contentSchema>): WireMessage['content'] {
  if (typeof content === 'string') return content;
  return content.map((part) => ({ ...part, type: part.type.endsWith('_text') ? 'text' : part.type }));
}
