import type { CallEvent } from './call-event.ts';
import { type CallBodyReader, createCallBodyReader } from './read-call.ts';
import { createTextReader } from './read-text.ts';
import { createTagCursor } from './tag-cursor.ts';

export interface CallParser {
  /** The events that are certain by now; however the text is cut, they come to the same. */
  push(text: string): CallEvent[];
  /** The text goes on as another part of the answer, on a line of its own. */
  beginPart(): CallEvent[];
  /** What was still held back. `isCut`: by the output limit, so that the answer may go on. */
  end(how?: { readonly isCut: boolean }): CallEvent[];
}

/**
 * Reads calls out of a model's text as it comes. A call is one only at the beginning of a line, outside of code fences and
 * thoughts; inside a parameter nothing is read but its end, so that what a file holds is never run. Linear in the text's
 * length. `continued`: the texts, by answers and their parts, that this text goes on.
 */
export function createCallParser(continued: readonly (readonly string[])[] = []): CallParser {
  const cursor = createTagCursor();
  const text = createTextReader(cursor);
  let call: CallBodyReader | null = null;
  let isOver = false;

  function follow(event: CallEvent): void {
    switch (event.type) {
      case 'call':
        call = createCallBodyReader(cursor, event.name);
        return;
      case 'call-end':
      case 'json-call':
        call = null;
        text.afterCall();
        return;
      case 'unreadable':
      case 'misread':
      case 'made-up':
        isOver = true;
        return;
      case 'text':
      case 'parameter':
      case 'value':
      case 'parameter-end':
      case 'misplaced':
      case 'cut':
    }
  }

  function run(isEnded: boolean): CallEvent[] {
    const events: CallEvent[] = [];
    while (!isOver && cursor.buffer !== '') {
      const more = call === null ? text.read(isEnded) : call.read();
      if (more === 'wait') break;
      for (const event of more) follow(event);
      events.push(...more);
    }
    if (isOver) cursor.take(Infinity);
    return events;
  }

  function push(piece: string): CallEvent[] {
    cursor.add(piece);
    return run(false);
  }

  const beginPart = () => (call === null && !isOver ? text.beginPart() : []);

  for (const texts of continued) {
    for (const [index, piece] of texts.entries()) {
      if (index > 0) beginPart();
      push(piece);
    }
  }
  // Of what is continued only the place counts, and a tag that was cut.
  if (call !== null || isOver) cursor.take(Infinity);
  call = null;
  isOver = false;
  text.beginAnswer();

  return {
    push,
    beginPart,
    end({ isCut } = { isCut: false }) {
      const events = run(true);
      if (isOver) return events;
      const open = call?.cut() ?? [];
      return [...events, ...open, ...text.end({ isCut, isInCall: open.length > 0 })];
    },
  };
}
