/** Where in its text a reader stands: what is quoted there is talk. */
export interface TextPlace {
  readonly isLineBegin: boolean;
  readonly isFenced: boolean;
  readonly isThinking: boolean;
  /** True where what stands next on the line is code, a quotation or in quotes. */
  readonly isQuotation: boolean;
  /** Goes on behind this piece, which has no line end but at its end. */
  pass(piece: string): void;
  /** What follows is a line of its own, whatever stands before it. */
  beginLine(): void;
  think(isThinking: boolean): void;
}

/** As much of a line as tells a fence. */
const maxLineLength = 200;

export function createTextPlace(): TextPlace {
  let line = '';
  let last = '';
  let isLineBegin = true;
  let fence: string | null = null;
  let isThinking = false;

  function beginLine(): void {
    // In thoughts a fence may be left open.
    if (!isThinking) fence = fenceAfter(fence, line);
    line = '';
    last = '';
    isLineBegin = true;
  }

  return {
    get isLineBegin() {
      return isLineBegin;
    },
    get isFenced() {
      return fence !== null;
    },
    get isThinking() {
      return isThinking;
    },
    get isQuotation() {
      return /^( {0,3}>| {4}|\t)/.test(line) || '`"\'“‘«'.includes(last || ' ');
    },
    pass(piece) {
      if (line.length < maxLineLength) line = (line + piece).slice(0, maxLineLength);
      last = piece.at(-1) ?? last;
      isLineBegin = false;
      if (piece.endsWith('\n')) beginLine();
    },
    beginLine,
    think(now) {
      isThinking = now;
      line = '';
      beginLine();
    },
  };
}

/** The fence that is open after a line: three or more of one character, closed by at least as many of the same. */
function fenceAfter(fence: string | null, line: string): string | null {
  const [, marker = '', behind = ''] = /^ {0,3}(`{3,}|~{3,})(.*)/.exec(line) ?? [];
  if (marker === '') return fence;
  if (fence === null) return marker.startsWith('`') && behind.includes('`') ? null : marker;
  const closes = marker.startsWith(fence) && behind.trim() === '';
  return closes ? null : fence;
}
