import type { DemoScript } from './action.ts';
import type { Task } from './conversation.ts';
import { textTask } from './text-task.ts';

/** True for the names of tables: comma, semicolon or tab separated values. */
export function isTable(path: string): boolean {
  return /\.(csv|tsv|tab)$/i.test(path);
}

export function* csvTask(task: Task): DemoScript {
  return yield* textTask(task);
}
