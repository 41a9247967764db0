import { element } from './element.ts';
import { icon } from './icon.ts';

/** Keeps the end in sight for whoever reads the end, and leaves everybody else where he is. */
export interface ScrollFollower {
  /** The button that leads back to the end. */
  readonly button: HTMLElement;
  /** Runs a change of the content; the view stays at the end if it was there. */
  keep(change: () => void): void;
  toEnd(): void;
}

/** Reading this close to the end counts as reading the end, in pixels. */
const nearPx = 48;

export function createScrollFollower(scroller: HTMLElement): ScrollFollower {
  const button = element(
    'button',
    { type: 'button', class: 'to-end', 'aria-label': 'To the newest', title: 'To the newest', hidden: true },
    icon('down'),
  );
  const isNear = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < nearPx;
  let isAtEnd = true;
  let lastTop = 0;

  function toEnd(): void {
    scroller.scrollTop = scroller.scrollHeight;
    isAtEnd = true;
    button.hidden = true;
  }

  scroller.addEventListener(
    'scroll',
    () => {
      // Content that grew below is no reason to leave the end: only whoever goes up leaves it.
      if (isNear()) isAtEnd = true;
      else if (scroller.scrollTop < lastTop) isAtEnd = false;
      lastTop = scroller.scrollTop;
      button.hidden = isAtEnd;
    },
    { passive: true },
  );
  button.addEventListener('click', toEnd);
  // A picture, a fold or a narrower window changes the height without a new message.
  const observer = new ResizeObserver(() => {
    if (isAtEnd) toEnd();
    else button.hidden = isNear();
  });
  observer.observe(scroller);
  for (const child of scroller.children) observer.observe(child);

  return {
    button,
    keep(change) {
      const wasAtEnd = isAtEnd;
      change();
      if (wasAtEnd) toEnd();
    },
    toEnd,
  };
}
