/** Takes the space off a text that stood around its calls. */
export interface ShownText {
  /** What of this piece, and of the space before it, is to be shown now. */
  show(piece: string): string;
  /** The space at the end: it belongs to the text when the answer may go on there. */
  end(): string;
  /** Another text follows, which begins by its first word. */
  begin(): void;
}

/** A line end is held back with the space behind it, and shown only when text follows. */
export function createShownText(): ShownText {
  let space = '';
  let hasText = false;

  return {
    show(piece) {
      if (piece.trim() === '') {
        if (!hasText) return '';
        if (space === '' && !piece.includes('\n')) return piece;
        const visible = space === '' ? piece.slice(0, piece.indexOf('\n')) : '';
        space += piece.slice(visible.length);
        return visible;
      }
      const begun = hasText ? space + piece : piece.trimStart();
      hasText = true;
      space = begun.endsWith('\n') ? '\n' : '';
      return begun.slice(0, begun.length - space.length);
    },
    end: () => (hasText ? space : ''),
    begin() {
      space = '';
      hasText = false;
    },
  };
}
