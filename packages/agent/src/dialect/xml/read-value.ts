import type { TagCursor } from './tag-cursor.ts';

/** What comes next of a value. `unclear`: what stands there could be in it as well as behind it. */
export interface ValuePiece {
  readonly text: string;
  readonly next: 'more' | 'end' | 'unclear-literal' | 'unclear-cdata';
}

export const parameterEnd = '</parameter>';
const cdataBegin = '<![CDATA[';
const cdataEnd = ']]>';
/** What a value that is not wrapped cannot hold: whether its end is its own could not be told. */
const unclearInLiteral = ['<tool_call', '<parameter', cdataBegin];
/** Space that may stand between the end of a value and the tag after it. */
const maxSpace = 100;

export type ValueReader = () => ValuePiece | 'wait';

/**
 * Reads the value of one parameter behind its tag. Nothing in it is looked for but its end, and what makes its end unclear.
 * In CDATA other sections may be opened and closed, as a feed or a page has them; what quotes a parameter with a section
 * of its own is unclear. `wait`: more of the text is needed.
 */
export function createValueReader(cursor: TagCursor): ValueReader {
  let state: 'begin' | 'literal' | 'cdata' = 'begin';
  /** Sections of the value's own that are open. */
  let openSections = 0;

  const piece = (length: number, dropped: number, next: ValuePiece['next']): ValuePiece => {
    const text = cursor.take(length);
    cursor.take(dropped);
    return { text, next };
  };

  function readBegin(): ValuePiece | 'wait' {
    const indent = spaceAt(0);
    const begins = cursor.startsWith(cdataBegin, indent);
    if (begins === 'wait') return 'wait';
    state = begins ? 'cdata' : 'literal';
    if (begins) return piece(0, indent + cdataBegin.length, 'more');
    // The line end after the tag is not a part of the value.
    return piece(0, /^\r?\n/.exec(cursor.buffer)?.[0].length ?? 0, 'more');
  }

  function readLiteral(): ValuePiece | 'wait' {
    const { buffer } = cursor;
    const found = /<(?:\/parameter>|tool_call|parameter|!\[CDATA\[)/.exec(buffer);
    if (found !== null) {
      if (found[0] !== parameterEnd) return piece(found.index, 0, 'unclear-literal');
      const lineEnd = /\r?\n$/.exec(buffer.slice(Math.max(0, found.index - 2), found.index))?.[0].length ?? 0;
      return piece(found.index - lineEnd, lineEnd + parameterEnd.length, 'end');
    }
    // What may be the beginning of the end stays, with the line end before it.
    const kept = cursor.beginningOf([parameterEnd, ...unclearInLiteral]);
    const before = buffer.slice(Math.max(0, buffer.length - kept - 2), buffer.length - kept);
    return more(buffer.length - kept - (/\r?\n?$/.exec(before)?.[0].length ?? 0));
  }

  function readCdata(): ValuePiece | 'wait' {
    const { buffer } = cursor;
    const found = /\]\]>|<!\[CDATA\[/.exec(buffer);
    if (found === null) return more(buffer.length - cursor.beginningOf([cdataEnd, cdataBegin]));
    const at = found.index;
    if (found[0] === cdataBegin) {
      openSections += 1;
      return piece(at + cdataBegin.length, 0, 'more');
    }
    const behind = at + cdataEnd.length;
    // Split in two, as the value itself holds what ends it.
    const goesOn = cursor.startsWith(cdataBegin, behind);
    if (goesOn === true) return piece(at, cdataEnd.length + cdataBegin.length, 'more');
    const indent = spaceAt(behind);
    const ends = cursor.startsWith(parameterEnd, behind + indent);
    if (goesOn === 'wait' || ends === 'wait') return more(at);
    if (ends) {
      if (openSections > 0) return piece(at, 0, 'unclear-cdata');
      return piece(at, cdataEnd.length + indent + parameterEnd.length, 'end');
    }
    // A part of the value that the model did not split; only before a tag's end it surely closes a section.
    if (openSections > 0 && buffer.startsWith('</', behind + indent)) openSections -= 1;
    return more(at + 1);
  }

  function more(length: number): ValuePiece | 'wait' {
    return length <= 0 ? 'wait' : piece(length, 0, 'more');
  }

  function spaceAt(at: number): number {
    return /^\s*/.exec(cursor.buffer.slice(at, at + maxSpace))?.[0].length ?? 0;
  }

  return () => {
    switch (state) {
      case 'begin':
        return readBegin();
      case 'literal':
        return readLiteral();
      case 'cdata':
        return readCdata();
    }
  };
}
