import { announce } from './announce.ts';
import { element, setText } from './element.ts';
import { icon } from './icon.ts';

/** Says that the network is gone, for as long as it is; what runs goes on without it. */
export function createConnectionBar(signal: AbortSignal): HTMLElement {
  const text = element('span', {});
  const bar = element('div', { class: 'connection-bar', hidden: true }, icon('offline'), text);
  function draw(): void {
    bar.hidden = navigator.onLine;
    setText(
      text,
      navigator.onLine ? '' : 'You are offline. What runs goes on; this page catches up when you are back.',
    );
  }
  addEventListener(
    'offline',
    () => {
      draw();
      announce('You are offline.');
    },
    { signal },
  );
  addEventListener(
    'online',
    () => {
      draw();
      announce('You are online again.');
    },
    { signal },
  );
  draw();
  return bar;
}
