import type { Thread } from '@switchyard/protocol';
import type { Client } from '@switchyard/client';
import { wordsOfError } from './api.ts';
import { askForConsent, askForText } from './dialog.ts';
import { element, setText } from './element.ts';
import { icon, type IconName } from './icon.ts';
import { titleOf } from './thread-list-view.ts';

export interface ThreadHeader {
  readonly element: HTMLElement;
  update(thread: Thread | null): void;
}

/** A thread's title and what can be done with the whole of it. */
export function createThreadHeader(
  api: Pick<Client, 'threads'>,
  {
    menuButton,
    filesButton,
    onChange,
    onGone,
    onProblem,
  }: {
    readonly menuButton: HTMLElement;
    readonly filesButton: HTMLElement;
    readonly onChange: (thread: Thread) => void;
    /** It is archived or deleted. */
    readonly onGone: () => void;
    readonly onProblem: (text: string) => void;
  },
): ThreadHeader {
  const title = element('h1', {});
  const menu = element('details', { class: 'menu' });
  const root = element('header', { class: 'thread-header' }, menuButton, title, menu, filesButton);
  let thread: Thread | null = null;

  function entry(name: IconName, text: Node | string, act: (thread: Thread) => Promise<void>): HTMLElement {
    const button = element('button', { type: 'button' }, icon(name), text);
    button.addEventListener('click', () => {
      menu.open = false;
      if (!thread) return;
      act(thread).catch((error: unknown) => onProblem(wordsOfError(error)));
    });
    return button;
  }

  const archiveWord = element('span', {}, 'Archive');
  const archive = entry('archive', archiveWord, async (current) => {
    const { thread: changed } = await api.threads.archive(current.id, !current.archived);
    if (changed.archived) onGone();
    else onChange(changed);
  });
  menu.append(
    element('summary', { class: 'quiet', 'aria-label': 'More', title: 'More' }, icon('more')),
    element(
      'div',
      { class: 'menu-items' },
      entry('edit', 'Rename', async (current) => {
        const text = await askForText({
          title: 'Rename this task',
          value: titleOf(current),
          action: 'Rename',
        });
        if (text !== null) onChange((await api.threads.rename(current.id, text)).thread);
      }),
      archive,
      entry('trash', 'Delete', async (current) => {
        const isAgreed = await askForConsent({
          title: 'Delete this task?',
          text: 'Its messages and its list of files are deleted. This cannot be undone.',
          action: 'Delete',
        });
        if (!isAgreed) return;
        await api.threads.delete(current.id);
        onGone();
      }),
    ),
  );
  // It closes like every menu: by Escape and by a click elsewhere.
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector('summary')?.focus();
  });
  const closeMenu = ({ target }: MouseEvent) => {
    if (target instanceof Node && !menu.contains(target)) menu.open = false;
  };
  menu.addEventListener('toggle', () => {
    if (menu.open) document.addEventListener('click', closeMenu);
    else document.removeEventListener('click', closeMenu);
  });

  return {
    element: root,
    update(next) {
      thread = next;
      setText(title, next ? titleOf(next) : '');
      setText(archiveWord, next?.archived ? 'Put back' : 'Archive');
      menu.hidden = next === null;
    },
  };
}
