import { element } from './element.ts';
import { icon } from './icon.ts';
import type { Sessions } from './session.ts';
import type { ThreadList } from './thread-list.ts';
import { createThreadListView } from './thread-list-view.ts';

export interface Sidebar {
  readonly element: HTMLElement;
  setCurrent(threadId: string | null): void;
  focus(): void;
  focusSearch(): void;
}

/** A search begins when the typing pauses. */
const pauseMs = 250;

/** The tasks of the person, a new one, and who he is. */
export function createSidebar({
  list,
  sessions,
  onHelp,
}: {
  readonly list: ThreadList;
  readonly sessions: Sessions;
  readonly onHelp: () => void;
}): Sidebar {
  const view = createThreadListView(list);
  const fresh = element('a', { class: 'button new-task', href: '#/' }, icon('add'), 'New task');
  const search = element('input', {
    type: 'search',
    'aria-label': 'Search tasks',
    placeholder: 'Search',
    autocomplete: 'off',
    maxlength: 200,
  });
  let timer = 0;
  search.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => void list.search(search.value.trim()), pauseMs);
  });
  const root = element(
    'aside',
    { class: 'sidebar', 'aria-label': 'Tasks' },
    element('p', { class: 'brand' }, icon('mark'), 'Switchyard'),
    fresh,
    element('div', { class: 'search' }, icon('search'), search),
    view.element,
    element(
      'footer',
      { class: 'account' },
      element(
        'bdi',
        { class: 'account-name', title: sessions.current()?.email ?? '' },
        sessions.current()?.email ?? '',
      ),
      element(
        'button',
        { type: 'button', class: 'quiet', 'aria-label': 'Keys', title: 'Keys (?)', on: { click: onHelp } },
        icon('help'),
      ),
      element(
        'button',
        {
          type: 'button',
          class: 'quiet',
          'aria-label': 'Sign out',
          title: 'Sign out',
          on: { click: () => sessions.signOut() },
        },
        icon('sign-out'),
      ),
    ),
  );
  return {
    element: root,
    setCurrent: (threadId) => view.setCurrent(threadId),
    focus: () => fresh.focus(),
    focusSearch: () => search.focus(),
  };
}
