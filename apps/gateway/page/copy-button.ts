import { announce } from './announce.ts';
import { element, fill } from './element.ts';
import { icon } from './icon.ts';

const shownMs = 1600;

/** A button that copies a text and says so for a moment. Without a clipboard (no secure page) there is none. */
export function copyButton(label: string, readText: () => string): HTMLElement {
  const button = element('button', {
    type: 'button',
    class: 'quiet copy',
    'aria-label': label,
    title: label,
  });
  const reset = () => fill(button, icon('copy'));
  reset();
  if (!('clipboard' in navigator)) button.hidden = true;

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(readText());
      fill(button, icon('check'));
      announce('Copied.');
      setTimeout(reset, shownMs);
    } catch {
      announce('The text could not be copied.');
    }
  }

  button.addEventListener('click', () => void copy());
  return button;
}
