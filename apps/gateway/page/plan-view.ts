import type { SwitchyardMessage, Todo } from '@switchyard/protocol';
import { element, fill, setText } from './element.ts';
import { icon } from './icon.ts';

export interface PlanView {
  readonly element: HTMLElement;
  update(todos: readonly Todo[]): void;
}

const marks = { open: 'open', 'in-progress': 'in progress', done: 'done' } as const;

/** The agent's plan in one line, what is being done now, and the whole list when it is unfolded. */
export function createPlanView(): PlanView {
  const count = element('span', { class: 'plan-count' });
  const current = element('span', { class: 'plan-current' });
  const list = element('ol', { class: 'plan-list' });
  const root = element(
    'details',
    { class: 'plan', hidden: true },
    element('summary', {}, icon('plan'), count, current, icon('chevron')),
    list,
  );
  let drawn: readonly Todo[] = [];
  return {
    element: root,
    update(todos) {
      if (todos === drawn) return;
      drawn = todos;
      root.hidden = todos.length === 0;
      const done = todos.filter(({ status }) => status === 'done').length;
      const next = todos.find(({ status }) => status === 'in-progress');
      setText(count, `Plan ${done}/${todos.length}`);
      setText(current, next?.text ?? (done === todos.length ? 'All done' : ''));
      fill(list, ...todos.map(item));
    },
  };
}

function item({ text, status }: Todo): HTMLElement {
  const mark =
    status === 'done'
      ? icon('check')
      : element('span', { class: status === 'in-progress' ? 'spinner' : 'open-mark' });
  return element(
    'li',
    { class: `is-${status}` },
    mark,
    element('span', {}, text),
    element('span', { class: 'for-screen-readers' }, ` (${marks[status]})`),
  );
}

/** The plan as the newest message that has one left it; the last list is the only truth. */
export function planOf(messages: readonly SwitchyardMessage[]): readonly Todo[] {
  for (const { parts } of messages.toReversed()) {
    const part = parts.findLast(({ type }) => type === 'data-todo');
    if (part?.type === 'data-todo') return part.data.todos;
  }
  return [];
}
