import { element } from './element.ts';

const region = element('div', { class: 'for-screen-readers', role: 'status', 'aria-live': 'polite' });

/** Says something to people who do not see the page, when they are not being told something else. */
export function announce(text: string): void {
  if (!region.isConnected) document.body.append(region);
  // The same words twice are news only when the region was empty between them.
  region.textContent = '';
  setTimeout(() => (region.textContent = text), 50);
}
