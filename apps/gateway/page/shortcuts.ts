import { element } from './element.ts';

/** What a key does; single letters only while nothing is being written. */
export interface Shortcuts {
  readonly newTask: () => void;
  readonly toBox: () => void;
  readonly toSearch: () => void;
  readonly files: () => void;
  readonly stop: () => void;
  readonly help: () => void;
  /** Closes what lies over the page; false when nothing does. */
  readonly escape: () => boolean;
}

const list = [
  ['n', 'New task'],
  ['/', 'Write'],
  ['s', 'Search tasks'],
  ['f', 'Show or hide files'],
  ['Ctrl .', 'Stop what runs'],
  ['Enter', 'Send'],
  ['Shift Enter', 'New line'],
  ['Esc', 'Close'],
  ['?', 'These keys'],
] as const;

/** Listens for the page's keys until the signal aborts. */
export function listenForShortcuts(actions: Shortcuts, signal: AbortSignal): void {
  const listen = (event: KeyboardEvent) => {
    if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
    if ((event.ctrlKey || event.metaKey) && event.key === '.') {
      event.preventDefault();
      actions.stop();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') {
      if (actions.escape()) event.preventDefault();
      else if (isWriting(event.target) && event.target instanceof HTMLElement) event.target.blur();
      return;
    }
    if (isWriting(event.target)) return;
    const action = actionOf(event.key, actions);
    if (!action) return;
    event.preventDefault();
    action();
  };
  addEventListener('keydown', listen, { signal });
}

function actionOf(key: string, actions: Shortcuts): (() => void) | null {
  switch (key) {
    case 'n':
      return actions.newTask;
    case '/':
      return actions.toBox;
    case 's':
      return actions.toSearch;
    case 'f':
      return actions.files;
    case '?':
      return actions.help;
    default:
      return null;
  }
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select');
}

/** The keys, as a list for a person. */
export function shortcutList(): HTMLElement {
  return element(
    'dl',
    { class: 'shortcuts' },
    ...list.flatMap(([keys, does]) => [
      element('dt', {}, ...keys.split(' ').map((key) => element('kbd', {}, key))),
      element('dd', {}, does),
    ]),
  );
}
