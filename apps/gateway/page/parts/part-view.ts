import type { ApprovalRequest, MessagePart } from '@switchyard/protocol';

/** One part of a message on the screen. */
export interface PartView {
  readonly element: HTMLElement;
  /** False when the part is of another kind (or another call) and needs a view of its own. */
  fits(part: MessagePart): boolean;
  /** Draws what has changed; the same part object again costs nothing. */
  update(part: MessagePart, isLive: boolean): void;
}

/** What parts can ask of the thread around them. */
export interface PartActions {
  openFile(path: string): void;
  /** Where what listens on a port of the sandbox can be looked at. Rejects with what the API said. */
  addressOfPort(port: number): Promise<string>;
  /** Gives the answer to a question of the agent. */
  answer(text: string): void;
  /** Rejects with what the API said. */
  decide(approvalId: string, answer: ApprovalRequest): Promise<void>;
}

/** A view for parts that nobody has to see. */
export function hiddenView(fits: (part: MessagePart) => boolean): PartView {
  const element = document.createElement('span');
  element.hidden = true;
  return { element, fits, update: () => undefined };
}
