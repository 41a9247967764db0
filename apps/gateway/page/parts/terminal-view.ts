import { element } from '../element.ts';
import { createTerminalReader, type TerminalRun } from './parse-terminal.ts';

/** Lines that are kept on the screen; a browser lays out more of them only slowly (a guess). */
const maxLines = 2000;
/** A single line longer than this is cut. */
const maxLineCharacters = 20_000;

export interface TerminalView {
  readonly element: HTMLElement;
  readonly isEmpty: () => boolean;
  append(text: string): void;
}

/** Output of a command as it comes: each piece touches only the lines that it adds. */
export function createTerminalView(label: string): TerminalView {
  const reader = createTerminalReader();
  const hidden = element('div', { class: 'terminal-hidden', hidden: true });
  const openLine = element('div', { class: 'terminal-line' });
  const screen = element(
    'div',
    { class: 'terminal', tabindex: 0, role: 'log', 'aria-live': 'off', 'aria-label': label },
    hidden,
    openLine,
  );
  let hiddenCount = 0;
  let isEmpty = true;

  return {
    element: screen,
    isEmpty: () => isEmpty,
    append(text) {
      if (text === '') return;
      isEmpty = false;
      const isAtEnd = screen.scrollHeight - screen.scrollTop - screen.clientHeight < 24;
      const { lines, open } = reader.push(text);
      const kept = lines.slice(-maxLines);
      hiddenCount += lines.length - kept.length;
      openLine.before(...kept.map((line) => element('div', { class: 'terminal-line' }, ...spansOf(line))));
      openLine.replaceChildren(...spansOf(open));
      for (let extra = screen.childElementCount - 2 - maxLines; extra > 0; extra -= 1) {
        hidden.nextElementSibling?.remove();
        hiddenCount += 1;
      }
      if (hiddenCount > 0) {
        hidden.hidden = false;
        hidden.textContent = `… ${hiddenCount} earlier lines are not shown`;
      }
      if (isAtEnd) screen.scrollTop = screen.scrollHeight;
    },
  };
}

function spansOf(runs: readonly TerminalRun[]): Node[] {
  let left = maxLineCharacters;
  return runs.flatMap(({ text, look }) => {
    const shown = text.slice(0, left);
    left -= shown.length;
    if (shown === '') return [];
    return [look === '' ? document.createTextNode(shown) : element('span', { class: look }, shown)];
  });
}
