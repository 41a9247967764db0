import type { AnswerPiece, Style } from '../answer.ts';
import type { WireRequest } from '../wire.ts';

/** What an answer says of itself before its first piece. */
export interface AnswerHeading {
  /** Unique in this server's life; each wire puts its own words in front of it. */
  readonly id: string;
  readonly model: string;
  /** Seconds since the Unix epoch. */
  readonly createdAt: number;
  /** The request as it came, for what only one wire asks. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly style: Style;
}

export interface AnswerUsage {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  /** Only the messages wire tells of them. */
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
}

/** How an answer ends; the reason in the words of the chat wire, or any other word as it is. */
export interface AnswerEnd {
  readonly finishReason: string;
  /** Null: the server says nothing of it. */
  readonly usage: AnswerUsage | null;
}

/** One thing inside a whole answer, in the order in which the model made it. */
export type AnswerItem =
  | { readonly kind: 'text' | 'reasoning'; readonly text: string }
  | { readonly kind: 'call'; readonly id: string; readonly name: string; readonly arguments: string };

export type SentPiece = Exclude<AnswerPiece, { kind: 'pause' | 'stall' }>;

/** Writes one answer as server-sent events. Each text is whole frames that end by an empty line. */
export interface AnswerWriter {
  begin(): string;
  piece(piece: SentPiece): string;
  end(end: AnswerEnd): string;
  /** A failure after the head was answered. */
  fail(failure: WireFailure): string;
}

/** `overloaded` and `context-length` have shapes of their own at each vendor. */
export interface WireFailure {
  readonly kind: 'status' | 'overloaded' | 'context-length';
  readonly status: number;
  readonly message: string;
}

export type ReadRequest =
  | { readonly outcome: 'read'; readonly request: WireRequest }
  | { readonly outcome: 'refused'; readonly failure: WireFailure };

/** One vendor's protocol: how requests are read and answers written. */
export interface WireFormat {
  /** The request as scenarios read it, or what is wrong with it. */
  read(body: unknown): ReadRequest;
  stream(heading: AnswerHeading): AnswerWriter;
  whole(heading: AnswerHeading, items: readonly AnswerItem[], end: AnswerEnd): object;
  /** The body of a refusal. */
  refusal(failure: WireFailure): object;
}

/** A refusal of what the request holds. */
export function badRequest(message: string): WireFailure {
  return { kind: 'status', status: 400, message };
}

/** The same as the outcome of reading it. */
export function refused(message: string): ReadRequest {
  return { outcome: 'refused', failure: badRequest(message) };
}

/** Puts the pieces of an answer together. */
export function gatherItems(): { add(piece: SentPiece): void; readonly items: readonly AnswerItem[] } {
  const items: AnswerItem[] = [];
  return {
    items,
    add(piece) {
      const last = items.at(-1);
      if (piece.kind === 'call') {
        items.push({ kind: 'call', id: piece.id, name: piece.name, arguments: '' });
      } else if (piece.kind === 'arguments') {
        if (last?.kind === 'call')
          items[items.length - 1] = { ...last, arguments: last.arguments + piece.text };
      } else if (last?.kind === piece.kind) {
        items[items.length - 1] = { kind: piece.kind, text: last.text + piece.text };
      } else items.push({ kind: piece.kind, text: piece.text });
    },
  };
}
