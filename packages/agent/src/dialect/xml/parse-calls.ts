import { createValueReader, parameterEnd } from './read-value.ts';
import { createShownText } from './shown-text.ts';
import { createTagCursor } from './tag-cursor.ts';
import { createTextPlace } from './text-place.ts';

/**
 * What a model's text holds, in its order. Behind `unreadable`, `misread` and `made-up` nothing more is read: what seems to
 * stand there may be the inside of something else.
 */
export type CallEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'call'; readonly name: string }
  | { readonly type: 'parameter'; readonly name: string }
  /** A piece of the parameter's value. */
  | { readonly type: 'value'; readonly text: string }
  | { readonly type: 'parameter-end' }
  /** `body`: what stands in the place of parameters, when it is more than space. */
  | { readonly type: 'call-end'; readonly body: string }
  /** A call in which its name stands beside its input. `isCut`: the text ended before its end. */
  | { readonly type: 'json-call'; readonly body: string; readonly isCut: boolean }
  /** The open call, or else one that only began as a call does. */
  | { readonly type: 'unreadable'; readonly why: Unreadable; readonly name: string | null }
  /** The calls before it were not what they seemed. `tail`: a value went on; `thoughts`: they stood in thoughts. */
  | { readonly type: 'misread'; readonly why: 'tail' | 'thoughts' }
  /** The model goes on to invent the results of its calls. */
  | { readonly type: 'made-up' }
  /** A whole call where none is run, in a text that has no other. */
  | { readonly type: 'misplaced'; readonly name: string }
  /** The text ended inside a call. */
  | { readonly type: 'cut' };

/** `form`: tags that cannot be read; `cut`: their end is missing. `rest`: words beside parameters. `literal`, `cdata`: a value whose end is unclear. */
export type Unreadable = 'form' | 'cut' | 'rest' | 'literal' | 'cdata';

export interface CallParser {
  /** The events that are certain by now; however the text is cut, they come to the same. */
  push(text: string): CallEvent[];
  /** The text goes on as another part of the answer, on a line of its own. */
  beginPart(): CallEvent[];
  /** What was still held back. */
  end(): CallEvent[];
}

const callBegin = '<tool_call';
const callEnd = '</tool_call>';
/** Of what stands in the place of parameters; longer inputs are no JSON any more and go back. */
const maxBodyLength = 2_000_000;

type State = 'text' | 'call' | 'value' | 'over';

/**
 * Reads calls out of a model's text as it comes. A call is one only at the beginning of a line, outside of code fences and
 * thoughts; inside a parameter nothing is read but its end, so that what a file holds is never run. Linear in the text's
 * length. `continued`: the texts, by answers and their parts, that this text goes on.
 */
export function createCallParser(continued: readonly (readonly string[])[] = []): CallParser {
  const cursor = createTagCursor();
  let isEnded = false;
  const place = createTextPlace();
  const shown = createShownText();
  let state: State = 'text';
  let readValue = createValueReader(cursor);
  let hasCalls = false;
  /** Null: the call's name stands in its body. */
  let callName: string | null = null;
  let hasParameters = false;
  let body = '';
  /** The call that was seen where none is run, and whether its end was. */
  let misplaced: { readonly name: string; readonly isWhole: boolean } | null = null;

  function step(): CallEvent[] | 'wait' {
    if (state !== 'over' && cursor.buffer === '') return 'wait';
    switch (state) {
      case 'text':
        return readText();
      case 'call':
        return readCall();
      case 'value':
        return readParameter();
      case 'over':
        cursor.take(Infinity);
        return 'wait';
    }
  }

  function readText(): CallEvent[] | 'wait' {
    const { buffer } = cursor;
    const indent = place.isLineBegin ? (/^ {0,3}/.exec(buffer)?.[0].length ?? 0) : 0;
    if (!place.isFenced) {
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
    const isRun = place.isLineBegin && !place.isThinking;
    switch (word) {
      case '<think>':
        if (!isRun) return null;
        return thinking(true, indent + word.length);
      case '</think>':
        if (!place.isThinking && hasCalls) return over({ type: 'misread', why: 'thoughts' });
        misplaced = null;
        return thinking(false, indent + word.length);
      case parameterEnd:
        return hasCalls && !place.isThinking ? over({ type: 'misread', why: 'tail' }) : null;
      case callEnd:
        if (misplaced !== null) misplaced = { ...misplaced, isWhole: true };
        return null;
      case '<tool_result':
        return isRun && hasCalls ? over({ type: 'made-up' }) : null;
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
    if (tag === 'wait') return isEnded ? over(unreadable('cut')) : 'wait';
    if (tag === null && next !== '>') return over(unreadable('form'));
    cursor.take(tag?.end ?? behind + 1);
    shown.begin();
    state = 'call';
    hasCalls = true;
    callName = tag?.name ?? null;
    hasParameters = false;
    body = '';
    return callName === null ? [] : [{ type: 'call', name: callName }];
  }

  /** A form that others have: too many of them are about to read each, but it goes back by its name. */
  function readForeignTag(indent: number): CallEvent[] | 'wait' {
    const [head = ''] = /^<function=["']?[\w.-]{0,100}/.exec(cursor.buffer.slice(indent)) ?? [];
    if (indent + head.length === cursor.buffer.length && !isEnded) return 'wait';
    return over({
      ...unreadable('form'),
      name: /[\w.-]+$/.exec(head.slice('<function='.length))?.[0] ?? null,
    });
  }

  function readMisplaced(indent: number): 'wait' | null {
    const tag = place.isQuotation ? null : cursor.namedTag(callBegin, indent);
    if (tag === 'wait') return isEnded ? null : 'wait';
    if (tag !== null) misplaced ??= { name: tag.name, isWhole: false };
    return null;
  }

  function readCall(): CallEvent[] | 'wait' {
    const words = ['<parameter', callEnd, callBegin].map((word) => cursor.startsWith(word, 0));
    const [isParameter, isEnd, isCall] = words;
    if (isParameter === true && callName !== null) return readParameterTag();
    if (isCall === true) return over(unreadable('form'));
    if (isEnd === true) return readCallEnd();
    if (words.includes('wait')) return 'wait';
    // Up to the next character that may begin a tag.
    const next = cursor.buffer.indexOf('<', 1);
    const skipped = cursor.take(next === -1 ? Infinity : next);
    if (body.length < maxBodyLength) body += skipped;
    return hasParameters && skipped.trim() !== '' ? over(unreadable('rest')) : [];
  }

  function readParameterTag(): CallEvent[] | 'wait' {
    const tag = cursor.namedTag('<parameter', 0);
    if (tag === 'wait') return 'wait';
    if (tag === null) return over(unreadable('form'));
    if (body.trim() !== '') return over(unreadable('rest'));
    cursor.take(tag.end);
    hasParameters = true;
    state = 'value';
    readValue = createValueReader(cursor);
    return [{ type: 'parameter', name: tag.name }];
  }

  function readParameter(): CallEvent[] | 'wait' {
    const piece = readValue();
    if (piece === 'wait') return 'wait';
    const values: CallEvent[] = piece.text === '' ? [] : [{ type: 'value', text: piece.text }];
    switch (piece.next) {
      case 'more':
        return values;
      case 'end':
        state = 'call';
        return [...values, { type: 'parameter-end' }];
      case 'unclear-literal':
        return [...values, ...over(unreadable('literal'))];
      case 'unclear-cdata':
        return [...values, ...over(unreadable('cdata'))];
    }
  }

  function readCallEnd(): CallEvent[] {
    cursor.take(callEnd.length);
    state = 'text';
    place.beginLine();
    const whole = body.trim();
    return callName === null
      ? [{ type: 'json-call', body: whole, isCut: false }]
      : [{ type: 'call-end', body: whole }];
  }

  function unreadable(why: Unreadable): Extract<CallEvent, { type: 'unreadable' }> {
    return { type: 'unreadable', why, name: state === 'text' ? null : callName };
  }

  function over(event: CallEvent): CallEvent[] {
    state = 'over';
    return [event];
  }

  function run(): CallEvent[] {
    const events: CallEvent[] = [];
    for (;;) {
      const more = step();
      if (more === 'wait') return events;
      events.push(...more);
    }
  }

  function push(text: string): CallEvent[] {
    cursor.add(text);
    return run();
  }

  function beginPart(): CallEvent[] {
    if (state !== 'text') return [];
    const held = cursor.buffer === '' ? [] : passed(cursor.buffer.length);
    place.beginLine();
    shown.begin();
    return held;
  }

  for (const texts of continued) {
    for (const [index, text] of texts.entries()) {
      if (index > 0) beginPart();
      push(text);
    }
  }
  // Of what is continued only the place counts, and a tag that was cut.
  if (state !== 'text') {
    cursor.take(Infinity);
    place.beginLine();
  }
  state = 'text';
  hasCalls = false;
  misplaced = null;
  shown.begin();

  return {
    push,
    beginPart,
    end() {
      isEnded = true;
      const events = run();
      switch (state) {
        case 'text':
          if (!hasCalls && misplaced?.isWhole) events.push({ type: 'misplaced', name: misplaced.name });
          return [...events, ...textOf(shown.end())];
        case 'call':
        case 'value':
          return [
            ...events,
            callName === null ? { type: 'json-call', body: body.trim(), isCut: true } : { type: 'cut' },
          ];
        case 'over':
          return events;
      }
    },
  };
}

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

function textOf(text: string): CallEvent[] {
  return text === '' ? [] : [{ type: 'text', text }];
}
