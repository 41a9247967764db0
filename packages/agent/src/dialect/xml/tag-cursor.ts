/** Whether something is there; `wait` while it may still come. */
export type Found<Value> = Value | null | 'wait';

/** A tag with its name, and how long it is with all that stands before it. */
export interface NamedTag {
  readonly name: string;
  readonly end: number;
}

/** The part of a text that came and is not read yet. */
export interface TagCursor {
  readonly buffer: string;
  add(text: string): void;
  /** Takes so much off the front. */
  take(length: number): string;
  /** Whether this word stands there. */
  startsWith(word: string, at: number): boolean | 'wait';
  /** The tag that begins with this word there; null also when it is not well-formed. */
  namedTag(word: string, at: number): Found<NamedTag>;
  /** How much of the end may be the beginning of one of these words. */
  beginningOf(words: readonly string[]): number;
}

/** A tag is short; what is longer is text that looks like one. */
const maxTagLength = 400;

/** Attributes in any quotes or none: models were trained on many forms. */
const attribute = /\s+([\w:-]+)\s*=\s*(?:"([^"<>\n]*)"|'([^'<>\n]*)'|([^\s"'<>=]+))/y;

export function createTagCursor(): TagCursor {
  let buffer = '';

  function startsWith(word: string, at: number): boolean | 'wait' {
    if (buffer.startsWith(word, at)) return true;
    const there = buffer.slice(at, at + word.length);
    return there.length < word.length && word.startsWith(there) ? 'wait' : false;
  }

  return {
    get buffer() {
      return buffer;
    },
    add(text) {
      buffer += text;
    },
    take(length) {
      const taken = buffer.slice(0, length);
      buffer = buffer.slice(length);
      return taken;
    },
    startsWith,
    namedTag(word, at) {
      const begins = startsWith(word, at);
      if (begins !== true) return begins === 'wait' ? 'wait' : null;
      const tag = buffer.slice(at + word.length, at + maxTagLength);
      const end = tag.search(/[<>]/);
      if (end === -1) return tag.length < maxTagLength - word.length ? 'wait' : null;
      const name = tag[end] === '>' ? nameOf(tag.slice(0, end)) : null;
      return name === null ? null : { name, end: at + word.length + end + 1 };
    },
    beginningOf(words) {
      const longest = Math.max(...words.map(({ length }) => length)) - 1;
      for (let length = Math.min(longest, buffer.length); length > 0; length -= 1) {
        const end = buffer.slice(-length);
        if (words.some((word) => word.startsWith(end))) return length;
      }
      return 0;
    },
  };
}

function nameOf(attributes: string): string | null {
  let name: string | null = null;
  let at = 0;
  const text = attributes.trimEnd();
  while (at < text.length) {
    attribute.lastIndex = at;
    const [all = '', key, double, single, bare] = attribute.exec(text) ?? [];
    if (all === '') return null;
    if (key === 'name') name ??= double ?? single ?? bare ?? null;
    at += all.length;
  }
  return name === '' ? null : name;
}
