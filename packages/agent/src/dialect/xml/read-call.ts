import type { CallEvent, Unreadable } from './call-event.ts';
import { createValueReader, type ValueReader } from './read-value.ts';
import type { TagCursor } from './tag-cursor.ts';

export const callBegin = '<tool_call';
export const callEnd = '</tool_call>';
const parameterBegin = '<parameter';
/** Of what stands in the place of parameters; longer inputs are no JSON any more and go back. */
const maxBodyLength = 2_000_000;

export interface CallBodyReader {
  /** What comes next of the call, up to its end. */
  read(): CallEvent[] | 'wait';
  /** What the call is when nothing more comes. */
  cut(): CallEvent[];
}

/** Reads one call behind its tag. `name`: null when it stands in the body, as JSON. */
export function createCallBodyReader(cursor: TagCursor, name: string | null): CallBodyReader {
  let readValue: ValueReader | null = null;
  let hasParameters = false;
  let body = '';

  const unreadable = (why: Unreadable): CallEvent => ({ type: 'unreadable', why, name });
  const jsonCall = (isCut: boolean): CallEvent => ({ type: 'json-call', body: body.trim(), isCut });

  function readBody(): CallEvent[] | 'wait' {
    const words = [parameterBegin, callEnd, callBegin].map((word) => cursor.startsWith(word, 0));
    const [isParameter, isEnd, isCall] = words;
    if (isParameter === true && name !== null) return readParameterTag();
    if (isCall === true) return [unreadable('form')];
    if (isEnd === true) {
      cursor.take(callEnd.length);
      return [name === null ? jsonCall(false) : { type: 'call-end', body: body.trim() }];
    }
    if (words.includes('wait')) return 'wait';
    // Up to the next character that may begin a tag.
    const next = cursor.buffer.indexOf('<', 1);
    const skipped = cursor.take(next === -1 ? Infinity : next);
    if (body.length < maxBodyLength) body += skipped;
    return hasParameters && skipped.trim() !== '' ? [unreadable('rest')] : [];
  }

  function readParameterTag(): CallEvent[] | 'wait' {
    const tag = cursor.namedTag(parameterBegin, 0);
    if (tag === 'wait') return 'wait';
    if (tag === null) return [unreadable('form')];
    if (body.trim() !== '') return [unreadable('rest')];
    cursor.take(tag.end);
    hasParameters = true;
    readValue = createValueReader(cursor);
    return [{ type: 'parameter', name: tag.name }];
  }

  function readParameter(read: ValueReader): CallEvent[] | 'wait' {
    const piece = read();
    if (piece === 'wait') return 'wait';
    const values: CallEvent[] = piece.text === '' ? [] : [{ type: 'value', text: piece.text }];
    switch (piece.next) {
      case 'more':
        return values;
      case 'end':
        readValue = null;
        return [...values, { type: 'parameter-end' }];
      case 'unclear-literal':
        return [...values, unreadable('literal')];
      case 'unclear-cdata':
        return [...values, unreadable('cdata')];
    }
  }

  return {
    read: () => (readValue === null ? readBody() : readParameter(readValue)),
    cut: () => [name === null ? jsonCall(true) : { type: 'cut' }],
  };
}
