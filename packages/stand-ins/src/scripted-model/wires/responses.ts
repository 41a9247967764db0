import { openaiErrorTypes } from './chat.ts';
import { readResponsesRequest } from './read-responses-request.ts';
import { sealed } from './seal.ts';
import {
  type AnswerEnd,
  type AnswerHeading,
  type AnswerItem,
  type AnswerUsage,
  gatherItems,
  type SentPiece,
  type WireFormat,
} from './wire-format.ts';

/** The wire of `POST /v1/responses`. Nothing is ever stored: what the conversation was, each request must say. */
export const responsesWire: WireFormat = {
  read: readResponsesRequest,

  stream(heading) {
    let sequence = 0;
    const frame = (type: string, rest: object) => {
      const text = JSON.stringify({ type, sequence_number: sequence, ...rest });
      sequence += 1;
      return `event: ${type}\ndata: ${text}\n\n`;
    };
    const gathered = gatherItems();
    const indexOf = (index: number) => ({ output_index: heading.style.callIndex === 'zero' ? 0 : index });
    /** The index of the item that is open, in the list of what the answer holds. */
    let open = -1;

    function begun(piece: SentPiece): string {
      gathered.add(piece);
      const index = gathered.items.length - 1;
      if (index === open) return '';
      const closing = closed();
      open = index;
      const at = indexOf(index);
      const item = itemOf(heading, index, emptied(gathered.items[index]), 'in_progress');
      const part = { item_id: idOf(heading, index, gathered.items[index]), ...at };
      const added = closing + frame('response.output_item.added', { ...at, item });
      if (piece.kind === 'text') {
        const content = { content_index: 0, part: { type: 'output_text', text: '', annotations: [] } };
        return added + frame('response.content_part.added', { ...part, ...content });
      }
      if (piece.kind !== 'reasoning') return added;
      const summary = { summary_index: 0, part: { type: 'summary_text', text: '' } };
      return added + frame('response.reasoning_summary_part.added', { ...part, ...summary });
    }

    function closed(): string {
      const content = gathered.items[open];
      if (content === undefined) return '';
      const item = itemOf(heading, open, content, 'completed');
      const at = { item_id: idOf(heading, open, content), ...indexOf(open) };
      const done = () => frame('response.output_item.done', { ...indexOf(open), item });
      switch (content.kind) {
        case 'call':
          return (
            frame('response.function_call_arguments.done', { ...at, arguments: content.arguments }) + done()
          );
        case 'text':
          return frame('response.output_text.done', { ...at, content_index: 0, text: content.text }) + done();
        case 'reasoning': {
          const part = { type: 'summary_text', text: content.text };
          return frame('response.reasoning_summary_part.done', { ...at, summary_index: 0, part }) + done();
        }
      }
    }

    const lifecycle = (type: string, response: object) => frame(type, { response });
    return {
      begin: () =>
        lifecycle('response.created', responseOf(heading, 'in_progress', {})) +
        lifecycle('response.in_progress', responseOf(heading, 'in_progress', {})),
      piece(piece) {
        const before = begun(piece);
        const at = { item_id: idOf(heading, open, gathered.items[open]), ...indexOf(open) };
        switch (piece.kind) {
          case 'text':
            return (
              before + frame('response.output_text.delta', { ...at, content_index: 0, delta: piece.text })
            );
          case 'reasoning':
            return (
              before +
              frame('response.reasoning_summary_text.delta', { ...at, summary_index: 0, delta: piece.text })
            );
          case 'arguments':
            if (heading.style.calls === 'whole') return before;
            return before + frame('response.function_call_arguments.delta', { ...at, delta: piece.text });
          case 'call':
            return before;
        }
      },
      end(end) {
        const closing = closed();
        const response = ended(heading, gathered.items, end);
        return closing + lifecycle(response.type, response.response);
      },
      fail(failure) {
        if (failure.kind === 'context-length') {
          const error = { code: 'context_length_exceeded', message: failure.message };
          return lifecycle('response.failed', responseOf(heading, 'failed', { error }));
        }
        const code = failure.kind === 'overloaded' ? 'server_is_overloaded' : 'server_error';
        return frame('error', { code, message: failure.message, param: null });
      },
    };
  },

  whole: (heading, items, end) => ended(heading, items, end).response,

  refusal({ kind, status, message }) {
    const isTooLong = kind === 'context-length';
    const type = openaiErrorTypes[status] ?? 'server_error';
    const code = isTooLong
      ? 'context_length_exceeded'
      : kind === 'overloaded'
        ? 'server_is_overloaded'
        : null;
    return { error: { message, type, param: isTooLong ? 'input' : null, code } };
  },
};

function emptied(item: AnswerItem | undefined): AnswerItem | undefined {
  if (item === undefined) return undefined;
  return item.kind === 'call' ? { ...item, arguments: '' } : { ...item, text: '' };
}

function idOf(heading: AnswerHeading, index: number, item: AnswerItem | undefined): string {
  const prefix = item?.kind === 'call' ? 'fc' : item?.kind === 'reasoning' ? 'rs' : 'msg';
  return `${prefix}_${heading.id}_${index}`;
}

function itemOf(
  heading: AnswerHeading,
  index: number,
  item: AnswerItem | undefined,
  status: 'in_progress' | 'completed',
): object {
  const id = idOf(heading, index, item);
  switch (item?.kind) {
    case 'call':
      return {
        id,
        type: 'function_call',
        status,
        call_id: item.id,
        name: item.name,
        arguments: item.arguments,
      };
    case 'reasoning': {
      const wanted = (heading.body['include'] as readonly string[] | undefined) ?? [];
      const isDone = status === 'completed';
      return {
        id,
        type: 'reasoning',
        summary: isDone ? [{ type: 'summary_text', text: item.text }] : [],
        ...(wanted.includes('reasoning.encrypted_content') ? { encrypted_content: sealed(item.text) } : {}),
      };
    }
    case 'text':
    case undefined: {
      const content =
        status === 'completed' ? [{ type: 'output_text', text: item?.text ?? '', annotations: [] }] : [];
      return { id, type: 'message', status, role: 'assistant', content };
    }
  }
}

function responseOf(heading: AnswerHeading, status: string, rest: object): object {
  return {
    id: `resp_${heading.id}`,
    object: 'response',
    created_at: heading.createdAt,
    status,
    error: null,
    incomplete_details: null,
    model: heading.model,
    output: [],
    store: false,
    usage: null,
    ...rest,
  };
}

function ended(heading: AnswerHeading, items: readonly AnswerItem[], { finishReason, usage }: AnswerEnd) {
  const reason = incompleteReasonOf(finishReason);
  const output = items.map((item, index) => itemOf(heading, index, item, 'completed'));
  const rest = {
    output,
    incomplete_details: reason === null ? null : { reason },
    usage: usage === null ? null : usageOf(usage),
  };
  const status = reason === null ? 'completed' : 'incomplete';
  return { type: `response.${status}`, response: responseOf(heading, status, rest) };
}

function incompleteReasonOf(finishReason: string): string | null {
  if (finishReason === 'stop' || finishReason === 'tool_calls') return null;
  return finishReason === 'length' ? 'max_output_tokens' : finishReason;
}

function usageOf({ inputTokens, cachedInputTokens, outputTokens }: AnswerUsage): object {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedInputTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: inputTokens + outputTokens,
  };
}
