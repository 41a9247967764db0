import { createMarkdownView } from '../markdown/markdown-view.ts';
import type { PartView } from './part-view.ts';

/** What the model says, as Markdown that grows. */
export function createTextView(): PartView {
  const view = createMarkdownView();
  view.element.classList.add('said');
  return {
    element: view.element,
    fits: ({ type }) => type === 'text',
    update(part) {
      if (part.type === 'text') view.update(part.text);
    },
  };
}
