/** What a model's text holds, in its order. `cut`: the text ended inside a call. */
export type CallEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'call'; readonly name: string }
  | { readonly type: 'parameter'; readonly name: string }
  /** A piece of the parameter's value. */
  | { readonly type: 'value'; readonly text: string }
  | { readonly type: 'parameter-end' }
  /** `rest`: what stood between the parameters, when it was more than space. */
  | { readonly type: 'call-end'; readonly rest: string }
  | { readonly type: 'cut' };

export interface CallParser {
  /** The events that are certain by now; however the text is cut, they come to the same. */
  push(text: string): CallEvent[];
  /** What was still held back. */
  end(): CallEvent[];
}

const callTag = { begin: '<tool_call name="', end: '">' };
const parameterTag = { begin: '<parameter name="', end: '">' };
const callEnd = '</tool_call>';
const parameterEnd = '</parameter>';
const cdataBegin = '<![CDATA[';
const cdataEnd = ']]>';
const resultBegin = '<tool_result';

/** A name is short; what is longer is text that looks like a tag. */
const maxNameLength = 200;
/** Of what is neither a parameter nor the end of the call; the rest of it is dropped. */
const maxRestLength = 20_000;
/** Space that may stand between the end of a value and the tag after it. */
const maxSpace = 100;

type State = 'text' | 'call' | 'value-begin' | 'literal' | 'cdata' | 'made-up';

/**
 * Reads calls out of a model's text as it comes. A call is one only at the beginning of a line outside of a code fence;
 * inside a parameter nothing is read but its end, so that what a file holds is never run. Linear in the text's length.
 */
export function createCallParser(): CallParser {
  let state: State = 'text';
  let buffer = '';
  let isEnded = false;
  /** The line so far, as much of it as tells a fence. */
  let line = '';
  let isLineBegin = true;
  let fence: string | null = null;
  /** A line end and the space after it: shown only when text follows. */
  let space = '';
  let hasText = false;
  let hasCalls = false;
  let rest = '';

  function step(): CallEvent[] | 'wait' {
    switch (state) {
      case 'text':
        return readText();
      case 'call':
        return readCall();
      case 'value-begin':
        return readValueBegin();
      case 'literal':
        return readLiteral();
      case 'cdata':
        return readCdata();
      case 'made-up':
        buffer = '';
        return 'wait';
    }
  }

  function readText(): CallEvent[] | 'wait' {
    if (buffer === '') return 'wait';
    if (isLineBegin && fence === null) {
      const indent = /^ {0,3}/.exec(buffer)?.[0].length ?? 0;
      const opened = readTag(callTag, indent);
      if (opened === 'wait') return 'wait';
      if (opened !== null) {
        space = '';
        hasText = false;
        hasCalls = true;
        rest = '';
        state = 'call';
        return [{ type: 'call', name: opened.name }];
      }
      // After its calls a model may go on to invent their results.
      const begun = hasCalls ? startsWith(resultBegin, indent) : false;
      if (begun === 'wait') return 'wait';
      if (begun) {
        state = 'made-up';
        return [];
      }
    }
    const at = buffer.indexOf('\n');
    const piece = at === -1 ? buffer : buffer.slice(0, at + 1);
    buffer = buffer.slice(piece.length);
    line = (line + piece).slice(0, maxNameLength);
    isLineBegin = at !== -1;
    if (isLineBegin) {
      fence = fenceAfter(fence, line);
      line = '';
    }
    return shown(piece);
  }

  /** A line end is held back with the space behind it; a text begins by its first word. */
  function shown(piece: string): CallEvent[] {
    if (piece.trim() === '') {
      if (!hasText) return [];
      if (space !== '' || piece.includes('\n')) {
        const visible = space === '' ? piece.slice(0, piece.indexOf('\n')) : '';
        space += piece.slice(visible.length);
        return textOf(visible);
      }
      return textOf(piece);
    }
    const begun = hasText ? space + piece : piece.trimStart();
    hasText = true;
    space = begun.endsWith('\n') ? '\n' : '';
    return textOf(begun.slice(0, begun.length - space.length));
  }

  function readCall(): CallEvent[] | 'wait' {
    if (buffer === '') return 'wait';
    const parameter = readTag(parameterTag, 0);
    if (parameter === 'wait') return 'wait';
    if (parameter !== null) {
      state = 'value-begin';
      return [{ type: 'parameter', name: parameter.name }];
    }
    const ends = startsWith(callEnd, 0);
    if (ends === 'wait') return 'wait';
    if (ends) {
      buffer = buffer.slice(callEnd.length);
      state = 'text';
      isLineBegin = true;
      line = '';
      return [{ type: 'call-end', rest: rest.trim() }];
    }
    // Up to the next character that may begin a tag.
    const next = buffer.indexOf('<', 1);
    const skipped = next === -1 ? buffer : buffer.slice(0, next);
    buffer = buffer.slice(skipped.length);
    rest = (rest + skipped).slice(0, maxRestLength);
    return [];
  }

  function readValueBegin(): CallEvent[] | 'wait' {
    const indent = /^\s*/.exec(buffer.slice(0, maxSpace))?.[0].length ?? 0;
    const begins = startsWith(cdataBegin, indent);
    if (begins === 'wait') return 'wait';
    if (begins) {
      buffer = buffer.slice(indent + cdataBegin.length);
      state = 'cdata';
    } else {
      // The line end after the tag is not a part of the value.
      buffer = buffer.replace(/^\r?\n/, '');
      state = 'literal';
    }
    return [];
  }

  function readLiteral(): CallEvent[] | 'wait' {
    const at = buffer.indexOf(parameterEnd);
    if (at !== -1) {
      const value = buffer.slice(0, at).replace(/\r?\n$/, '');
      buffer = buffer.slice(at + parameterEnd.length);
      state = 'call';
      return [...valueOf(value), { type: 'parameter-end' }];
    }
    // What may be the beginning of the end stays, with the line end before it.
    return released(
      buffer.length - (/\r?\n?(<[/a-z]*)?$/.exec(buffer.slice(-parameterEnd.length - 2))?.[0].length ?? 0),
    );
  }

  function readCdata(): CallEvent[] | 'wait' {
    const at = buffer.indexOf(cdataEnd);
    if (at === -1) return released(buffer.length - (/\]{1,2}$/.exec(buffer)?.[0].length ?? 0));
    const behind = at + cdataEnd.length;
    const goesOn = startsWith(cdataBegin, behind);
    const indent = /^\s*/.exec(buffer.slice(behind, behind + maxSpace))?.[0].length ?? 0;
    const ends = startsWith(parameterEnd, behind + indent);
    if (goesOn === true) {
      const value = buffer.slice(0, at);
      buffer = buffer.slice(behind + cdataBegin.length);
      return valueOf(value);
    }
    if (ends === true) {
      const value = buffer.slice(0, at);
      buffer = buffer.slice(behind + indent + parameterEnd.length);
      state = 'call';
      return [...valueOf(value), { type: 'parameter-end' }];
    }
    if (goesOn === 'wait' || ends === 'wait') return at === 0 ? 'wait' : released(at);
    // Followed by anything else it is a part of the value that the model did not split.
    return released(at + 1);
  }

  function released(length: number): CallEvent[] | 'wait' {
    if (length <= 0) return 'wait';
    const value = buffer.slice(0, length);
    buffer = buffer.slice(length);
    return valueOf(value);
  }

  function readTag(tag: typeof callTag, indent: number): { readonly name: string } | 'wait' | null {
    const begins = startsWith(tag.begin, indent);
    if (begins !== true) return begins === 'wait' ? 'wait' : null;
    const from = indent + tag.begin.length;
    const name = /^[^"<>\n]*/.exec(buffer.slice(from, from + maxNameLength + 1))?.[0] ?? '';
    if (name.length > maxNameLength || name === '')
      return name === '' && buffer.length === from ? wait() : null;
    const ends = startsWith(tag.end, from + name.length);
    if (ends === 'wait') return wait();
    if (!ends) return null;
    buffer = buffer.slice(from + name.length + tag.end.length);
    return { name };
  }

  function wait(): 'wait' | null {
    return isEnded ? null : 'wait';
  }

  /** Whether the buffer goes on with this word there; `wait` while it may. */
  function startsWith(word: string, at: number): boolean | 'wait' {
    if (buffer.startsWith(word, at)) return true;
    const there = buffer.slice(at, at + word.length);
    return !isEnded && there.length < word.length && word.startsWith(there) ? 'wait' : false;
  }

  function run(): CallEvent[] {
    const events: CallEvent[] = [];
    for (;;) {
      const more = step();
      if (more === 'wait') return events;
      events.push(...more);
    }
  }

  return {
    push(text) {
      buffer += text;
      return run();
    },
    end() {
      isEnded = true;
      const events = run();
      if (state !== 'text' && state !== 'made-up') return [...events, { type: 'cut' }];
      // The space at the end belongs to the text before it: the answer may go on there.
      if (hasText && space !== '') events.push({ type: 'text', text: space });
      return events;
    },
  };
}

function textOf(text: string): CallEvent[] {
  return text === '' ? [] : [{ type: 'text', text }];
}

function valueOf(text: string): CallEvent[] {
  return text === '' ? [] : [{ type: 'value', text }];
}

/** The fence that is open after a line: three or more of one character, closed by at least as many of the same. */
function fenceAfter(fence: string | null, line: string): string | null {
  const [, marker = '', behind = ''] = /^ {0,3}(`{3,}|~{3,})(.*)/.exec(line) ?? [];
  if (marker === '') return fence;
  if (fence === null) return marker.startsWith('`') && behind.includes('`') ? null : marker;
  const closes = marker.startsWith(fence) && behind.trim() === '';
  return closes ? null : fence;
}
