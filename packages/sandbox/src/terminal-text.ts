/**
 * Turns what a program wrote for a terminal into the text that a terminal would show in the end: escape sequences and
 * control characters go, a line that was drawn over (carriage return, backspace, erase) is shown as it was last. Lines
 * that are complete stay as they are; moves to other lines are not followed.
 */
export interface TerminalText {
  /** The lines that are complete by now; the same in all, wherever the text is cut into pieces. */
  push(text: string): string;
  /** The rest, without a line end of its own. */
  finish(): string;
}

/** A line that is longer is given out in pieces of this many characters, within which it can be drawn over. */
const maxLineCharacters = 16 * 1024;
/** The numbers of a sequence; what is longer is none that means something here. */
const maxParameters = 16;

type State = 'text' | 'escape' | 'control' | 'string' | 'string-escape';

// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const special = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;

export function createTerminalText(): TerminalText {
  let state: State = 'text';
  let parameters = '';
  let line = '';
  /** In characters of `line`; null: at its end, where nearly all text is written. */
  let cells: string[] | null = null;
  let cursor = 0;
  let isDrawnOver = false;
  let out = '';

  function place(): string[] {
    cells ??= Array.from(line);
    return cells;
  }

  /** To the column, counted from 0. */
  function moveTo(column: number): void {
    const length = place().length;
    cursor = Math.max(0, Math.min(column, length));
  }

  function startMove(): void {
    if (cells === null) cursor = place().length;
  }

  function flushLine(): void {
    const text = cells === null ? line : cells.join('');
    out += isDrawnOver ? text.replace(/ +$/, '') : text;
    line = '';
    cells = null;
    cursor = 0;
    isDrawnOver = false;
  }

  function write(text: string): void {
    if (cells === null) {
      let rest = text;
      while (line.length + rest.length > maxLineCharacters) {
        const room = maxLineCharacters - line.length;
        out += line + rest.slice(0, room);
        line = '';
        rest = rest.slice(room);
      }
      line += rest;
      return;
    }
    isDrawnOver = true;
    for (const character of text) {
      if (cursor >= maxLineCharacters) {
        out += cells.join('');
        cells = [];
        cursor = 0;
      }
      cells[cursor] = character;
      cursor += 1;
    }
  }

  function erase(mode: number): void {
    startMove();
    const row = place();
    isDrawnOver = true;
    if (mode === 0) row.length = cursor;
    else if (mode === 1) row.fill(' ', 0, cursor);
    else if (mode === 2) {
      row.fill(' ', 0, cursor);
      row.length = cursor;
    }
  }

  function control(final: string): void {
    const number = /^\d+$/.test(parameters) ? Number(parameters) : 0;
    switch (final) {
      case 'K':
        erase(number);
        break;
      case 'G':
        startMove();
        moveTo(Math.max(1, number) - 1);
        break;
      case 'D':
        startMove();
        moveTo(cursor - Math.max(1, number));
        break;
      case 'C':
        startMove();
        moveTo(cursor + Math.max(1, number));
        break;
      case 'H':
      case 'f':
        // Another place on the screen: not followed, but its text is not part of this line.
        if (line !== '' || cells !== null) {
          flushLine();
          out += '\n';
        }
        break;
      default:
    }
  }

  function textCharacter(character: string): void {
    switch (character) {
      case '\n':
        flushLine();
        out += '\n';
        break;
      case '\r':
        startMove();
        moveTo(0);
        break;
      case '\b':
        startMove();
        moveTo(cursor - 1);
        break;
      case '\u001b':
        state = 'escape';
        break;
      case '\u009b':
        state = 'control';
        parameters = '';
        break;
      default:
    }
  }

  /** Whether the character was part of a sequence. */
  function sequenceCharacter(character: string): boolean {
    const code = character.charCodeAt(0);
    switch (state) {
      case 'text':
        return false;
      case 'escape':
        if (character === '[') {
          state = 'control';
          parameters = '';
        } else if (']P_^X'.includes(character)) state = 'string';
        else if (code < 0x20 || code > 0x7e) {
          state = 'text';
          return false;
        } else if (code > 0x2f) state = 'text';
        return true;
      case 'control':
        if (code >= 0x20 && code <= 0x3f) {
          if (parameters.length < maxParameters) parameters += character;
          return true;
        }
        state = 'text';
        if (code < 0x40 || code > 0x7e) return false;
        control(character);
        return true;
      case 'string':
        if (character === '\u0007' || character === '\u009c') state = 'text';
        else if (character === '\u001b') state = 'string-escape';
        else if (character === '\n') {
          // Never ended: text goes on.
          state = 'text';
          return false;
        }
        return true;
      case 'string-escape':
        state = 'text';
        if (character === '\\') return true;
        state = 'escape';
        return sequenceCharacter(character);
    }
  }

  return {
    push(text) {
      let at = 0;
      while (at < text.length) {
        if (state !== 'text') {
          const character = text.charAt(at);
          if (sequenceCharacter(character)) {
            at += 1;
            continue;
          }
        }
        special.lastIndex = at;
        const next = special.exec(text)?.index ?? text.length;
        if (next > at) write(text.slice(at, next));
        // The line ends of other systems, at once.
        if (text.startsWith('\r\n', next)) {
          flushLine();
          out += '\n';
          at = next + 2;
          continue;
        }
        if (next < text.length) textCharacter(text.charAt(next));
        at = next + 1;
      }
      const complete = out;
      out = '';
      return complete;
    },
    finish() {
      flushLine();
      const rest = out;
      out = '';
      state = 'text';
      return rest;
    },
  };
}

/** A whole text as a terminal would show it in the end. */
export function terminalText(text: string): string {
  const terminal = createTerminalText();
  return terminal.push(text) + terminal.finish();
}
