import type { Chunk, MessagePart, SwitchyardMessage, Todo } from '@switchyard/protocol';

/** Where todos stand, the latest last: in the thread's earlier messages, in this run's steps, in its open step. */
export interface TodoSources {
  readonly history: readonly SwitchyardMessage[];
  readonly before: readonly MessagePart[];
  readonly open: readonly Chunk[];
}

/** The todos as the last `data-todo` has them; none when there never was one. */
export function lastTodos({ history, before, open }: TodoSources): readonly Todo[] {
  const earlier = history.map((message): readonly (MessagePart | Chunk)[] => message.parts).toReversed();
  for (const parts of [open, before, ...earlier]) {
    const last = parts.findLast((part) => part.type === 'data-todo');
    if (last?.type === 'data-todo') return last.data.todos;
  }
  return [];
}
