import type { SwitchyardMessage } from '@switchyard/protocol';
import { type AnswerView, createAnswerView } from './answer-view.ts';
import { element } from './element.ts';
import type { PartActions } from './parts/part-view.ts';
import { userMessageView } from './user-message-view.ts';

/** The messages of a thread, oldest first. */
export interface ConversationView {
  readonly element: HTMLElement;
  /** Puts messages in place of all that is shown. */
  show(messages: readonly SwitchyardMessage[]): void;
  /** Puts older messages before those that are shown. */
  prepend(messages: readonly SwitchyardMessage[]): void;
  /** Shows what was just sent; the answer is what takes it away again. */
  addSent(message: Pick<SwitchyardMessage, 'parts'>): () => void;
  /** The answer with this id, made when there is none. */
  answer(messageId: string): AnswerView;
}

export function createConversationView(
  actions: PartActions & { retry(messageId: string): void },
): ConversationView {
  const root = element('div', { class: 'conversation' });
  const answers = new Map<string, AnswerView>();

  function answer(messageId: string): AnswerView {
    const known = answers.get(messageId);
    if (known) return known;
    const made = createAnswerView({ ...actions, retry: () => actions.retry(messageId) });
    answers.set(messageId, made);
    root.append(made.element);
    return made;
  }

  function viewOf(message: SwitchyardMessage): HTMLElement {
    if (message.role !== 'assistant') return userMessageView(message, actions);
    const view = answer(message.id);
    view.show(message);
    return view.element;
  }

  return {
    element: root,
    show(messages) {
      answers.clear();
      root.replaceChildren(...messages.map(viewOf));
    },
    prepend: (messages) => root.prepend(...messages.map(viewOf)),
    addSent(message) {
      const sent = userMessageView(message, null);
      sent.classList.add('is-sent');
      root.append(sent);
      return () => sent.remove();
    },
    answer,
  };
}
