/**
 * One event of a server-sent event stream. `id` is null when the event itself carried none, and empty when it says that the
 * client has no place in the stream any more.
 */
export interface StreamFrame {
  readonly id: string | null;
  readonly data: string;
}

/** The events of one connection, and what it said about reconnecting. */
export interface EventStreamParser {
  /** The frames that this piece of text completes; an unfinished one waits for the next piece. */
  push(text: string): StreamFrame[];
  /** The last `retry:` value in milliseconds, or null. */
  readonly retryMs: number | null;
}

/**
 * Parses server-sent events (WHATWG HTML, 9.2) cut at any character. Unlike a browser's, a frame's id is its own:
 * frames without one are not given the last id again.
 */
export function createEventStreamParser(): EventStreamParser {
  /** The pieces of a line that has not ended yet: as one text it would be built and searched anew with each. */
  let unfinished: string[] = [];
  /** The last piece ended with a carriage return: a line feed that comes next is the other half of that line's end. */
  let endedInReturn = false;
  let id: string | null = null;
  let data: string[] = [];
  let retryMs: number | null = null;

  function readLine(line: string, frames: StreamFrame[]): void {
    if (line === '') {
      if (data.length > 0) frames.push({ id, data: data.join('\n') });
      id = null;
      data = [];
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') data.push(value);
    else if (field === 'id' && !value.includes('\u0000')) id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) retryMs = Number(value);
  }

  return {
    get retryMs() {
      return retryMs;
    },
    push(text) {
      const frames: StreamFrame[] = [];
      if (text === '') return frames;
      let start = endedInReturn && text.startsWith('\n') ? 1 : 0;
      let lineFeed = placeOf(text, '\n', start);
      let carriageReturn = placeOf(text, '\r', start);
      // Ends with the text, of which each round takes a line. Each place is searched for once, from where the last was.
      for (let end = Math.min(lineFeed, carriageReturn); end < text.length;) {
        readLine(unfinished.join('') + text.slice(start, end), frames);
        unfinished = [];
        start = end === carriageReturn && lineFeed === end + 1 ? end + 2 : end + 1;
        if (lineFeed < start) lineFeed = placeOf(text, '\n', start);
        if (carriageReturn < start) carriageReturn = placeOf(text, '\r', start);
        end = Math.min(lineFeed, carriageReturn);
      }
      endedInReturn = text.endsWith('\r');
      if (start < text.length) unfinished.push(text.slice(start));
      return frames;
    },
  };
}

/** Where the character stands next; the text's length when it does not. */
function placeOf(text: string, character: string, from: number): number {
  const at = text.indexOf(character, from);
  return at === -1 ? text.length : at;
}
