import type { Run, Thread } from '@switchyard/protocol';
import type { Client } from '@switchyard/client';
import { freshId } from './fresh-id.ts';
import type { Task } from './task-box.ts';

const maxTitle = 80;

/** Starts tasks; one that is sent again after a lost answer is not started twice. */
export type StartTask = (
  task: Task,
  thread: Thread | null,
) => Promise<{ readonly thread: Thread; readonly run: Run }>;

export function createTaskStarter(api: Pick<Client, 'threads' | 'startRun'>): StartTask {
  let last: {
    readonly fingerprint: string;
    readonly key: string;
    readonly threadKey: string;
    thread: Thread | null;
  } | null = null;

  return async (task, thread) => {
    const fingerprint = JSON.stringify([
      thread?.id ?? null,
      task.text,
      task.model,
      task.files.map(({ name, size }) => [name, size]),
    ]);
    if (last?.fingerprint !== fingerprint) {
      last = { fingerprint, key: freshId(), threadKey: freshId(), thread };
    }
    const attempt = last;
    if (attempt.thread === null) {
      const made = await api.threads.create({ title: titleFor(task), externalId: attempt.threadKey });
      attempt.thread = made.thread;
    }
    const { run } = await api.startRun(
      {
        input: task.text === '' ? 'See the attached files.' : task.text,
        threadId: attempt.thread.id,
        ...(task.model === null ? {} : { model: task.model }),
      },
      { files: task.files, idempotencyKey: attempt.key },
    );
    // The same words again are a new task.
    last = null;
    return { thread: attempt.thread, run };
  };
}

/** The first line of a task, or the name of its first file, cut at a word. */
export function titleFor({ text, files }: Pick<Task, 'text' | 'files'>): string {
  const line = text.split('\n', 1)[0]?.trim() ?? '';
  const title = line === '' ? (files[0]?.name ?? 'Untitled task') : line;
  if (title.length <= maxTitle) return title;
  const cut = title.slice(0, maxTitle);
  const space = cut.lastIndexOf(' ');
  return `${space > maxTitle / 2 ? cut.slice(0, space) : cut.toWellFormed()}…`;
}
