/** Where the demo writes: `process.stdout`, or anything that takes text. */
export interface DemoOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Of a terminal: false when it or the user (NO_COLOR) wants none. */
  hasColors?(): boolean;
}

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const codes: Readonly<Record<Colour, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** A terminal, or a plain file, on which lines and running text take turns. */
export interface Terminal {
  /** Text as it arrives; it stays on its line until something else is printed. */
  readonly text: (text: string) => void;
  /** One line of its own. */
  readonly line: (text?: string) => void;
  /** Ends a line that running text has begun. */
  readonly endLine: () => void;
  readonly paint: (colour: Colour, text: string) => string;
  /** Cut to what fits on one line after `indent` signs. */
  readonly fit: (text: string, indent: number) => string;
}

/** Guess for outputs that have no width: files and pipes are read in wide windows. */
const plainColumns = 120;

/** Opens an output: in colours only on a terminal that has them. */
export function openTerminal(output: DemoOutput): Terminal {
  const isColourful = output.isTTY === true && (output.hasColors?.() ?? true);
  let isAtLineStart = true;
  const write = (text: string) => {
    if (text === '') return;
    output.write(text);
    isAtLineStart = text.endsWith('\n');
  };
  return {
    text: write,
    line: (text = '') => write(`${isAtLineStart ? '' : '\n'}${text}\n`),
    endLine: () => write(isAtLineStart ? '' : '\n'),
    paint(colour, text) {
      if (!isColourful) return text;
      const [on, off] = codes[colour];
      return `\u001B[${on}m${text}\u001B[${off}m`;
    },
    fit(text, indent) {
      const room = Math.max(20, (output.columns ?? plainColumns) - indent);
      const flat = text.replaceAll(/\s+/g, ' ').trim();
      return flat.length > room ? `${flat.slice(0, room - 1)}…` : flat;
    },
  };
}

/**
 * Text of a model or a command without what could move the cursor, change colours or rename the window: control characters
 * other than line ends and tabs, and the escape sequences that they begin.
 */
export function harmless(text: string): string {
  return (
    text
      .replaceAll(/\r\n?/g, '\n')
      // oxlint-disable-next-line no-control-regex -- control characters are what is taken out
      .replaceAll(/\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[@-Z\\-_])/g, '')
      // oxlint-disable-next-line no-control-regex -- the same
      .replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g, '')
  );
}
