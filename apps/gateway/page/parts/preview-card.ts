import { announce } from '../announce.ts';
import { wordsOfError } from '../api.ts';
import { element, fill } from '../element.ts';
import { icon } from '../icon.ts';

/**
 * A server in the sandbox that can be looked at. Its address is asked for when somebody opens it: it expires, and who has
 * it needs no other permission.
 */
export function previewCard(
  { port, title }: { readonly port: number; readonly title?: string },
  addressOfPort: (port: number) => Promise<string>,
): HTMLElement {
  const name = title ?? `Port ${port}`;
  const note = element('span', { class: 'preview-problem', role: 'status' });
  const button = element('button', { type: 'button', class: 'plain' }, icon('panel'), 'Open the preview');

  async function open(): Promise<void> {
    button.disabled = true;
    fill(note);
    try {
      const href = await addressOfPort(port);
      // A page of the sandbox gets neither a hold on this one nor its address.
      globalThis.open(href, '_blank', 'noopener,noreferrer');
      announce('The preview opens in another tab.');
    } catch (error) {
      fill(note, wordsOfError(error));
    } finally {
      button.disabled = false;
    }
  }

  button.addEventListener('click', () => void open());
  return element('p', { class: 'preview-card' }, element('bdi', {}, name), button, note);
}
