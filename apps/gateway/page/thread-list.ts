import type { Thread } from '@switchyard/protocol';
import type { Client } from '@switchyard/client';

/** The person's threads, last used first, kept fresh while somebody looks. */
export interface ThreadList {
  readonly threads: () => readonly Thread[];
  readonly hasMore: () => boolean;
  /** Null while the list can be read; else what is wrong. */
  readonly problem: () => unknown;
  readonly isLoaded: () => boolean;
  readonly isNarrowed: () => boolean;
  refresh(): Promise<void>;
  /** Something was changed here: this tab's list and those of the others are read anew. */
  changed(): void;
  loadMore(): Promise<void>;
  /** Narrows the list; an empty text shows all. */
  search(text: string): Promise<void>;
  onChange(listener: () => void): void;
  stop(): void;
}

/** Something runs: its end should be seen soon. */
const busyMs = 4000;
/** Nothing runs: what other tabs and clients begin is seen after this. */
const idleMs = 15_000;

export function createThreadList(api: Pick<Client, 'threads'>): ThreadList {
  const listeners = new Set<() => void>();
  let pages: readonly { readonly threads: readonly Thread[]; readonly nextBefore: string | null }[] = [];
  let query = '';
  let problem: unknown = null;
  let isLoaded = false;
  let timer = 0;
  let reading: Promise<void> | null = null;
  let next: Promise<void> | null = null;

  const all = () => {
    const seen = new Set<string>();
    return pages.flatMap(({ threads }) =>
      threads.filter(({ id, archived }) => !archived && !seen.has(id) && seen.add(id)),
    );
  };

  function tell(): void {
    for (const listener of listeners) listener();
    clearTimeout(timer);
    if (document.hidden) return;
    timer = setTimeout(() => void refresh(), all().some(({ activeRun }) => activeRun) ? busyMs : idleMs);
  }

  async function read(): Promise<void> {
    const wanted = query;
    try {
      const first = await api.threads.list(wanted === '' ? {} : { search: wanted });
      if (wanted !== query) return;
      // Older pages stay: they only change by what moves to the top.
      pages = [first, ...pages.slice(1)];
      problem = null;
    } catch (error) {
      problem = error;
    }
    isLoaded = true;
    tell();
  }

  async function refresh(): Promise<void> {
    if (reading) {
      // What is being read may be older than what is asked for now.
      next ??= reading.then(() => ((next = null), refresh()));
      await next;
      return;
    }
    reading = read().finally(() => (reading = null));
    await reading;
  }

  const onVisible = () => {
    if (!document.hidden) void refresh();
  };
  const others = new BroadcastChannel('switchyard.threads');
  others.addEventListener('message', () => void refresh());
  document.addEventListener('visibilitychange', onVisible);
  addEventListener('online', onVisible);

  return {
    threads: all,
    hasMore: () => pages.at(-1)?.nextBefore != null,
    problem: () => problem,
    isLoaded: () => isLoaded,
    isNarrowed: () => query !== '',
    refresh,
    changed() {
      others.postMessage(null);
      void refresh();
    },
    async loadMore() {
      const before = pages.at(-1)?.nextBefore;
      if (before == null) return;
      try {
        const next = await api.threads.list({ before, ...(query === '' ? {} : { search: query }) });
        pages = [...pages, next];
        problem = null;
      } catch (error) {
        problem = error;
      }
      tell();
    },
    async search(text) {
      if (text === query) return;
      query = text;
      pages = pages.slice(0, 1);
      await refresh();
    },
    onChange: (listener) => void listeners.add(listener),
    stop() {
      clearTimeout(timer);
      others.close();
      listeners.clear();
      document.removeEventListener('visibilitychange', onVisible);
      removeEventListener('online', onVisible);
    },
  };
}
