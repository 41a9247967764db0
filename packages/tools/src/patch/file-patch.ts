/** One line of a hunk, without its line end (a carriage return that the patch itself has is part of it). */
export interface PatchLine {
  readonly kind: 'keep' | 'remove' | 'add';
  readonly text: string;
}

/** Neighbouring lines of a file that become others. */
export interface Hunk {
  /** As the model is told of it: `hunk 2 of a.ts (line 17 of the patch)`. */
  readonly name: string;
  /** Lines that stand somewhere above, outermost first; the hunk belongs below the last of them. */
  readonly anchors: readonly string[];
  readonly lines: readonly PatchLine[];
  /** Index of the first line in the old file, from 0, as a diff's header has it; null when the patch does not say. */
  readonly position: number | null;
  /** The hunk ends where the file ends. */
  readonly isAtEnd: boolean;
  /** Whether the new file ends with a line end; null when the hunk does not say. */
  readonly hasFinalEnd: boolean | null;
}

/** What a patch does to one file; paths as the patch has them. */
export type FilePatch =
  | { readonly kind: 'add'; readonly path: string; readonly content: string; readonly mode: number | null }
  | { readonly kind: 'delete'; readonly path: string }
  | {
      readonly kind: 'update';
      readonly path: string;
      readonly moveTo: string | null;
      readonly hunks: readonly Hunk[];
      /** Permission bits that the file gets. */
      readonly mode: number | null;
    };

/** The text is no patch; `message` is for the model and names the line. */
export class PatchSyntaxError extends Error {
  constructor(lineNumber: number, message: string) {
    super(`Line ${lineNumber} of the patch: ${message}`);
    this.name = 'PatchSyntaxError';
  }
}

/** A line of a hunk by its first character; null when it has another meaning. An empty line is an empty kept one. */
export function patchLine(line: string): PatchLine | null {
  switch (line[0]) {
    case ' ':
      return { kind: 'keep', text: line.slice(1) };
    case '-':
      return { kind: 'remove', text: line.slice(1) };
    case '+':
      return { kind: 'add', text: line.slice(1) };
    case undefined:
    case '\r':
      return { kind: 'keep', text: line };
    default:
      return null;
  }
}
