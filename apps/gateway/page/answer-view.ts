import type { MessageMetadata, Run, SwitchyardMessage } from '@switchyard/protocol';
import { createAssistantMessageView } from './assistant-message-view.ts';
import { element, fill } from './element.ts';
import type { AnswerUpdate } from './follow-answer.ts';
import type { PartActions } from './parts/part-view.ts';
import { runEndingView } from './run-ending-view.ts';

/** An answer with how it ended. */
export interface AnswerView {
  readonly element: HTMLElement;
  /** Draws a stored message. */
  show(message: SwitchyardMessage): void;
  /** Draws what a frame of the stream brought. */
  apply(update: AnswerUpdate): void;
  /** The stream is over; `run` knows what went wrong. */
  end(run: Pick<Run, 'error'> | null): void;
  /** Something is about to arrive. */
  setWaiting(isWaiting: boolean): void;
}

export function createAnswerView(actions: PartActions & { retry(): void }): AnswerView {
  const parts = createAssistantMessageView(actions);
  const waiting = element('p', { class: 'waiting', hidden: true }, element('span', { class: 'dots' }));
  const ending = element('div');
  const root = element(
    'article',
    { class: 'message is-assistant', 'aria-label': 'Switchyard' },
    parts.element,
    waiting,
    ending,
  );
  let message: SwitchyardMessage | null = null;

  function drawEnding(error: Run['error']): void {
    const metadata: MessageMetadata | undefined = message?.metadata;
    const view = metadata && runEndingView(metadata, { error, onRetry: () => actions.retry() });
    fill(ending, view ?? null);
  }

  return {
    element: root,
    show(stored) {
      message = stored;
      parts.update(stored, false);
      drawEnding(null);
    },
    apply(update) {
      message = update.message;
      if (update.isReplay) parts.reset();
      parts.update(update.message, true);
      for (const { toolCallId, text } of update.outputs) parts.appendOutput(toolCallId, text);
      waiting.hidden = update.message.parts.some(({ type }) => type !== 'step-start');
      fill(ending);
    },
    end(run) {
      waiting.hidden = true;
      if (message) parts.update(message, false);
      drawEnding(run?.error ?? null);
    },
    setWaiting(isWaiting) {
      waiting.hidden = !isWaiting;
    },
  };
}
