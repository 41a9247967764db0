import { element, setText } from '../element.ts';
import { icon } from '../icon.ts';
import { createMarkdownView } from '../markdown/markdown-view.ts';
import type { PartView } from './part-view.ts';

/** What the model thought, folded away; drawn only while somebody looks. */
export function createReasoningView(): PartView {
  const view = createMarkdownView();
  const title = element('span', {}, 'Thinking');
  const details = element(
    'details',
    { class: 'reasoning' },
    element('summary', {}, icon('chevron'), title),
    view.element,
  );
  let text = '';
  const draw = () => {
    if (details.open) view.update(text);
  };
  details.addEventListener('toggle', draw);
  return {
    element: details,
    fits: ({ type }) => type === 'reasoning',
    update(part, isLive) {
      if (part.type !== 'reasoning') return;
      ({ text } = part);
      // A provider that keeps its thoughts to itself sends an empty part.
      details.hidden = text.trim() === '';
      const isThinking = isLive && part.state === 'streaming';
      details.classList.toggle('is-live', isThinking);
      setText(title, isThinking ? 'Thinking' : 'Thoughts');
      draw();
    },
  };
}
