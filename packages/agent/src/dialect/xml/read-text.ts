import { type CallEvent, textOf, type Unreadable } from './call-event.ts';
import { callBegin, callEnd } from './read-call.ts';
import { parameterEnd } from './read-value.ts';
import { createShownText } from './shown-text.ts';
import type { TagCursor } from './tag-cursor.ts';
import { createTextPlace } from './text-place.ts';

/** What may say something in a text. */
const wordsInText = [
  callBegin,
  callEnd,
  parameterEnd,
  '<tool_result',
  '<function=',
  '<think>',
  '</think>',
] as const;
type TagWord = (typeof wordsInText)[number];

export interface TextReader {
  /** What comes next, up to a call. `isEnded`: nothing follows what came. */
  read(isEnded: boolean): CallEvent[] | 'wait';
  /** The text goes on as another part of the answer, on a line of its own. */
  beginPart(): CallEvent[];
  afterCall(): void;
  /** Another answer goes on where the text stands. */
  beginAnswer(): void;
  /** What is left to say when nothing more comes. */
  end(how: { readonly isCut: boolean; readonly isInCall: boolean }): CallEvent[];
}

/** Reads the text around calls: what of it is shown, where a call begins, and what says that a call was none. */
export function createTextReader(cursor: TagCursor): TextReader {
  const place = createTextPlace();
  const shown = createShownText();
  let isEnded = false;
  let hasCalls = false;
  /** The calls that are open where none is run, null for what is quoted there; and the first that came to its end. */
  let openMisplaced: (string | null)[] = [];
  let misplaced: string | null = null;

  function read(ended: boolean): CallEvent[] | 'wait' {
    isEnded = ended;
    const { buffer } = cursor;
    const indent = place.isLineBegin ? (/^ {0,3}/.exec(buffer)?.[0].length ?? 0) : 0;
    // In a fence only what says that a call before it was none: then the fence may be a part of it.
    if (!place.isFenced || hasCalls) {
      const tag = tagInText(indent);
      if (tag === 'wait' && !isEnded) return 'wait';
      const events = tag === null || tag === 'wait' ? null : readTag(tag, indent);
      if (events !== null) return events;
    }
    const lineEnd = buffer.indexOf('\n') + 1 || buffer.length;
    const next = buffer.slice(0, lineEnd).indexOf('<', indent + 1);
    return passed(next === -1 ? lineEnd : next);
  }

  function passed(length: number): CallEvent[] {
    const piece = cursor.take(length);
    place.pass(piece);
    return textOf(shown.show(piece));
  }

  /** The word with which a tag begins there, if it says anything at this place. */
  function tagInText(at: number): TagWord | null | 'wait' {
    let isOpen = false;
    for (const word of wordsInText) {
      const begins = cursor.startsWith(word, at);
      if (begins === true) return word;
      isOpen ||= begins === 'wait';
    }
    return isOpen ? 'wait' : null;
  }

  /** What the tag says at its place; null when it is talk. */
  function readTag(word: TagWord, indent: number): CallEvent[] | 'wait' | null {
    if (place.isFenced && word !== '</think>' && word !== parameterEnd) return null;
    const isRun = place.isLineBegin && !place.isThinking;
    switch (word) {
      case '<think>':
        if (!isRun) return null;
        return thinking(true, indent + word.length);
      case '</think>':
        if (!place.isThinking && hasCalls) return [{ type: 'misread', why: 'thoughts' }];
        openMisplaced = [];
        misplaced = null;
        return thinking(false, indent + word.length);
      case parameterEnd:
        return hasCalls && !place.isThinking ? [{ type: 'misread', why: 'tail' }] : null;
      case callEnd: {
        const closed = openMisplaced.pop() ?? null;
        misplaced ??= closed;
        return null;
      }
      case '<tool_result':
        if (!isRun || !hasCalls) return null;
        return [openMisplaced.length === 0 ? { type: 'made-up' } : { type: 'misread', why: 'misplaced' }];
      case '<function=':
        return isRun ? readForeignTag(indent) : null;
      case callBegin:
        return isRun ? readCallTag(indent) : readMisplaced(indent);
    }
  }

  function thinking(isThinking: boolean, length: number): CallEvent[] {
    const events = passed(length);
    place.think(isThinking);
    return events;
  }

  function readCallTag(indent: number): CallEvent[] | 'wait' | null {
    const behind = indent + callBegin.length;
    const next = cursor.buffer[behind];
    if (next !== undefined && /[\w-]/.test(next)) return null;
    const tag = cursor.namedTag(callBegin, indent);
    if (tag === 'wait') return isEnded ? [unreadable('cut', null)] : 'wait';
    if (tag === null && next !== '>') return [unreadable('form', null)];
    cursor.take(tag?.end ?? behind + 1);
    shown.begin();
    hasCalls = true;
    return [{ type: 'call', name: tag?.name ?? null }];
  }

  /** A form that others have: too many of them are about to read each, but it goes back by its name. */
  function readForeignTag(indent: number): CallEvent[] | 'wait' {
    const [head = ''] = /^<function=["']?[\w.-]{0,100}/.exec(cursor.buffer.slice(indent)) ?? [];
    if (indent + head.length === cursor.buffer.length && !isEnded) return 'wait';
    return [unreadable('form', /[\w.-]+$/.exec(head.slice('<function='.length))?.[0] ?? null)];
  }

  function readMisplaced(indent: number): 'wait' | null {
    const tag = cursor.namedTag(callBegin, indent);
    if (tag === 'wait' && !isEnded) return 'wait';
    openMisplaced.push(tag === null || tag === 'wait' || place.isQuotation ? null : tag.name);
    return null;
  }

  return {
    read,
    beginPart() {
      const held = cursor.buffer === '' ? [] : passed(cursor.buffer.length);
      place.beginLine();
      shown.begin();
      return held;
    },
    afterCall() {
      place.beginLine();
    },
    beginAnswer() {
      hasCalls = false;
      shown.begin();
    },
    end({ isCut, isInCall }) {
      const events: CallEvent[] = [];
      if (openMisplaced.length > 0 && hasCalls && (isInCall || isCut))
        events.push({ type: 'misread', why: 'misplaced' });
      if (misplaced !== null && !hasCalls && !isCut) events.push({ type: 'misplaced', name: misplaced });
      return isInCall ? events : [...events, ...textOf(shown.end())];
    },
  };
}

function unreadable(why: Unreadable, name: string | null): CallEvent {
  return { type: 'unreadable', why, name };
}
