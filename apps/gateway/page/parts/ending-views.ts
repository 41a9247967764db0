import { element, fill } from '../element.ts';
import { icon } from '../icon.ts';
import { createMarkdownView } from '../markdown/markdown-view.ts';
import { isToolPart, toolNameOf } from './tool-part.ts';
import type { PartActions, PartView } from './part-view.ts';
import { membersOf } from './tool-words.ts';

/** The result of a task: what the agent says when it is done. */
export function createResultView(): PartView {
  const view = createMarkdownView();
  const root = element('section', { class: 'result', 'aria-label': 'Result', hidden: true }, view.element);
  return {
    element: root,
    fits: (part) => isToolPart(part) && toolNameOf(part) === 'complete',
    update(part) {
      if (!isToolPart(part)) return;
      const { summary } = membersOf(part.input);
      root.hidden = typeof summary !== 'string' || summary === '';
      if (typeof summary === 'string') view.update(summary);
    },
  };
}

/** A question of the agent and the answers that it offers. */
export function createQuestionView(actions: Pick<PartActions, 'answer'>): PartView {
  const view = createMarkdownView();
  const choices = element('div', { class: 'choices' });
  const root = element(
    'section',
    { class: 'question', 'aria-label': 'Question', hidden: true },
    icon('question'),
    element('div', {}, view.element, choices),
  );
  let offered = '';
  return {
    element: root,
    fits: (part) => isToolPart(part) && toolNameOf(part) === 'ask',
    update(part) {
      if (!isToolPart(part)) return;
      const { question, choices: given } = membersOf(part.input);
      root.hidden = typeof question !== 'string' || question === '';
      if (typeof question === 'string') view.update(question);
      if (part.state === 'input-streaming' || !Array.isArray(given)) return;
      const texts = given.filter((choice) => typeof choice === 'string');
      if (texts.join('\n') === offered) return;
      offered = texts.join('\n');
      fill(
        choices,
        ...texts.map((text) =>
          element(
            'button',
            { type: 'button', class: 'plain', on: { click: () => actions.answer(text) } },
            text,
          ),
        ),
      );
    },
  };
}
