import { copyButton } from '../copy-button.ts';
import { element, setText } from '../element.ts';

/** A block of code with its language and a way to copy it. */
export interface CodeView {
  readonly element: HTMLElement;
  /** Shows a longer text of the same block: what is there already is left alone. */
  update(text: string): void;
}

/** Shows code as it is, white space and all. */
export function codeView({ language, text }: { readonly language: string; readonly text: string }): CodeView {
  const content = document.createTextNode(text);
  const name = element('span', { class: 'code-language' });
  setText(name, language);
  const frame = element(
    'figure',
    { class: 'code' },
    element(
      'figcaption',
      {},
      name,
      copyButton('Copy code', () => content.data),
    ),
    element('pre', { tabindex: 0 }, element('code', {}, content)),
  );
  return {
    element: frame,
    update(longer) {
      if (longer === content.data) return;
      if (longer.startsWith(content.data)) content.appendData(longer.slice(content.data.length));
      else content.data = longer;
    },
  };
}
