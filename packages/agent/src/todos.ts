import type { MessagePart, SwitchyardMessage, Todo } from '@switchyard/protocol';

/** The todos as the last `data-todo` part has them: this run's, else those of the thread's earlier messages. */
export function lastTodos(
  own: readonly MessagePart[],
  history: readonly SwitchyardMessage[],
): readonly Todo[] {
  for (const parts of [own, ...history.map((message) => message.parts).toReversed()]) {
    const part = parts.findLast((candidate) => candidate.type === 'data-todo');
    if (part?.type === 'data-todo') return part.data.todos;
  }
  return [];
}
