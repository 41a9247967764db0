import type { SwitchyardMessage } from '@switchyard/protocol';

/** What a front end knows when it opens a chat. */
export interface ChatPlace {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  /** A chat that is there already; without it the client makes a new one. */
  readonly chatId?: string;
  /** What GET messages says of it. */
  readonly messages?: readonly SwitchyardMessage[];
}

/**
 * A chat as a client's user and its app's code move it. The methods that stream resolve when nothing more comes: the answer
 * has ended, or waits for a person, or the connection broke and the client has given up.
 */
export interface ChatSession {
  chatId(): Promise<string>;
  /** What the client shows. */
  messages(): Promise<readonly SwitchyardMessage[]>;
  send(text: string): Promise<void>;
  /** What an app calls when a connection broke, or a page opens where an answer is still coming. */
  rejoin(): Promise<void>;
  edit(messageId: string, text: string): Promise<void>;
  regenerate(messageId: string): Promise<void>;
  approve(approvalId: string, approved: boolean): Promise<void>;
  close(): Promise<void>;
}

export interface ChatClient {
  /** As the README's table names it (Markdown). */
  readonly name: string;
  /** What its app calls to rejoin (Markdown). */
  readonly rejoinCall: string;
  open(place: ChatPlace): Promise<ChatSession>;
}

/** The sessions of a page, for the test that drives it; places, parameters and results travel as JSON. */
export interface PageClients {
  open(kind: string, place: string): Promise<number>;
  call(session: number, method: keyof ChatSession, parameters: string): Promise<string>;
}
