import type { Thread } from '@switchyard/protocol';
import { wordsOfError } from './api.ts';
import { element, fill, setText } from './element.ts';
import { formatAge, nameOfDay } from './format.ts';
import { hashOf } from './route.ts';
import type { ThreadList } from './thread-list.ts';

export interface ThreadListView {
  readonly element: HTMLElement;
  /** Marks the thread that is open. */
  setCurrent(threadId: string | null): void;
}

interface Row {
  readonly element: HTMLElement;
  update(thread: Thread): void;
}

/** The list of threads: what runs, what needs somebody, and when each was last used. */
export function createThreadListView(list: ThreadList): ThreadListView {
  const rows = new Map<string, Row>();
  const items = element('div', { class: 'thread-items' });
  const more = element('button', { type: 'button', class: 'plain wide' }, 'Show more');
  const note = element('p', { class: 'list-note', role: 'status' });
  const root = element('nav', { class: 'thread-list', 'aria-label': 'Tasks' }, items, more, note);
  let current: string | null = null;
  more.addEventListener('click', () => void list.loadMore());

  function draw(): void {
    const threads = list.threads();
    const groups = new Map<string, Thread[]>();
    for (const thread of threads) {
      const day = nameOfDay(timeOf(thread), Date.now());
      groups.set(day, [...(groups.get(day) ?? []), thread]);
    }
    const focused = document.activeElement;
    const wanted = [...groups].flatMap(([day, ofDay]) => [heading(day), ...ofDay.map(rowOf)]);
    // Only when something moved: an element that is put in again loses the focus.
    const isSame =
      wanted.length === items.childElementCount &&
      wanted.every((node, index) => node.isSameNode(items.children[index] ?? null));
    if (!isSame) {
      fill(items, ...wanted);
      if (focused instanceof HTMLElement && items.contains(focused)) focused.focus({ preventScroll: true });
    }
    for (const id of rows.keys()) if (!threads.some((thread) => thread.id === id)) rows.delete(id);
    more.hidden = !list.hasMore();
    const problem = list.problem();
    setText(note, noteOf(problem, threads.length));
    note.hidden = note.textContent === '';
  }

  function noteOf(problem: unknown, count: number): string {
    if (problem) return count === 0 ? wordsOfError(problem) : 'The list may be out of date.';
    if (!list.isLoaded()) return '';
    if (count > 0) return '';
    return list.isNarrowed() ? 'Nothing was found.' : 'Your tasks will be listed here.';
  }

  const headings = new Map<string, HTMLElement>();
  function heading(day: string): HTMLElement {
    const known = headings.get(day) ?? element('h2', {}, day);
    headings.set(day, known);
    return known;
  }

  function rowOf(thread: Thread): HTMLElement {
    const row = rows.get(thread.id) ?? createRow(thread);
    rows.set(thread.id, row);
    row.update(thread);
    row.element.toggleAttribute('aria-current', thread.id === current || thread.externalId === current);
    return row.element;
  }

  items.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    const links = [...items.querySelectorAll('a')];
    const at = links.findIndex((link) => link === document.activeElement);
    const next = links[at + (event.key === 'ArrowDown' ? 1 : -1)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  list.onChange(draw);
  draw();
  return {
    element: root,
    setCurrent(threadId) {
      current = threadId;
      draw();
    },
  };
}

function createRow(first: Thread): Row {
  const title = element('span', { class: 'thread-title' });
  const state = element('span', { class: 'thread-state' });
  const link = element('a', { href: hashOf({ name: 'thread', threadId: first.id }) }, title, state);
  return {
    element: link,
    update(thread) {
      setText(title, titleOf(thread));
      link.title = titleOf(thread);
      const isRunning = thread.activeRun !== null && !thread.needsInput;
      link.classList.toggle('is-running', isRunning);
      link.classList.toggle('needs-input', thread.needsInput);
      setText(
        state,
        thread.needsInput ? 'Needs you' : isRunning ? 'Running' : formatAge(timeOf(thread), Date.now()),
      );
    },
  };
}

export function titleOf({ title }: Pick<Thread, 'title'>): string {
  return title === null || title.trim() === '' ? 'Untitled task' : title;
}

function timeOf({ lastMessageAt, createdAt }: Thread): number {
  return Date.parse(lastMessageAt ?? createdAt);
}
