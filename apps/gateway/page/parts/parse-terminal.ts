/** A stretch of terminal text in one look. */
export interface TerminalRun {
  readonly text: string;
  /** Class names, empty for plain text. */
  readonly look: string;
}

/** Reads a terminal's output that may be cut anywhere, between two pieces even in the middle of a control sequence. */
export interface TerminalReader {
  /** Lines that this piece completed, and the line that stands open after it. */
  push(text: string): {
    readonly lines: readonly (readonly TerminalRun[])[];
    readonly open: readonly TerminalRun[];
  };
}

const colours = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const escape = '\u001B';
// oxlint-disable-next-line no-control-regex -- what a terminal does not show
const printable = /[^\u0000-\u0008\u000A-\u001F\u007F]+/y;
/** A control sequence (CSI), a string command (OSC, ended by BEL or ST), or another short one. */
const control =
  // oxlint-disable-next-line no-control-regex -- the characters that begin and end control sequences
  /\u001B(?:\[([0-9:;<=>?]{0,64})[ -/]{0,4}([@-~])|\][^\u0007\u001B]{0,4096}(?:\u0007|\u001B\\)|[()][A-Z0-9]|[ -/]{0,2}[0-Z\\^-~])/y;
/** An unfinished sequence longer than this is no sequence. */
const maxHeld = 4200;

/** Colours and weight are kept, everything else that a program says to a terminal is left out. */
export function createTerminalReader(): TerminalReader {
  let held = '';
  let look = { colour: '', isBold: false, isDim: false };
  let open: TerminalRun[] = [];
  let isReturning = false;

  const className = () =>
    [look.colour && `ansi-${look.colour}`, look.isBold && 'ansi-bold', look.isDim && 'ansi-dim']
      .filter(Boolean)
      .join(' ');

  function write(text: string): void {
    if (text === '') return;
    // A carriage return begins the line again: progress bars write over themselves.
    if (isReturning) open = [];
    isReturning = false;
    const last = open.at(-1);
    if (last?.look === className()) open[open.length - 1] = { text: last.text + text, look: last.look };
    else open.push({ text, look: className() });
  }

  function select(parameters: string): void {
    const codes = parameters.split(/[;:]/).map(Number);
    for (let at = 0; at < codes.length; at += 1) {
      const code = codes[at] ?? 0;
      if (code === 0) look = { colour: '', isBold: false, isDim: false };
      else if (code === 1) look.isBold = true;
      else if (code === 2) look.isDim = true;
      else if (code === 22) look = { ...look, isBold: false, isDim: false };
      else if (code >= 30 && code <= 37) look.colour = colours[code - 30] ?? '';
      else if (code >= 90 && code <= 97) look.colour = colours[code - 90] ?? '';
      else if (code === 39) look.colour = '';
      // Extended colours carry parameters of their own, which are no codes.
      else if (code === 38 || code === 48) at += codes[at + 1] === 2 ? 4 : 2;
    }
  }

  return {
    push(piece) {
      const text = held + piece;
      held = '';
      const lines: TerminalRun[][] = [];
      let at = 0;
      while (at < text.length) {
        const character = text[at] ?? '';
        if (character === escape) {
          control.lastIndex = at;
          const match = control.exec(text);
          if (!match && text.length - at < maxHeld && !text.slice(at).includes('\n')) {
            held = text.slice(at);
            break;
          }
          if (match?.[2] === 'm') select(match[1] ?? '');
          at += match?.[0].length ?? 1;
        } else if (character === '\n') {
          lines.push(open);
          open = [];
          isReturning = false;
          at += 1;
        } else if (character === '\r') {
          isReturning = true;
          at += 1;
        } else if (character === '\b') {
          const last = open.pop();
          if (last && last.text.length > 1) open.push({ text: last.text.slice(0, -1), look: last.look });
          at += 1;
        } else {
          printable.lastIndex = at;
          const stretch = printable.exec(text)?.[0] ?? '';
          write(stretch);
          at += Math.max(1, stretch.length);
        }
      }
      return { lines, open };
    },
  };
}
