/** One event of a server-sent event stream; `id` is null when the event itself carried none. */
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
  let buffer = '';
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
      buffer += text;
      const frames: StreamFrame[] = [];
      let start = 0;
      for (let at = nextLineEnd(buffer, start); at !== -1; at = nextLineEnd(buffer, start)) {
        // A carriage return at the very end may be half of a CRLF: it waits for the next piece.
        if (buffer[at] === '\r' && at === buffer.length - 1) break;
        readLine(buffer.slice(start, at), frames);
        start = buffer[at] === '\r' && buffer[at + 1] === '\n' ? at + 2 : at + 1;
      }
      buffer = buffer.slice(start);
      return frames;
    },
  };
}

function nextLineEnd(text: string, from: number): number {
  const lineFeed = text.indexOf('\n', from);
  const carriageReturn = text.indexOf('\r', from);
  if (lineFeed === -1) return carriageReturn;
  return carriageReturn === -1 ? lineFeed : Math.min(lineFeed, carriageReturn);
}
