import { element } from './element.ts';
import { icon } from './icon.ts';
import { createTaskBox, type Models, type Task, type TaskBox } from './task-box.ts';

export interface HomeView {
  readonly element: HTMLElement;
  readonly taskBox: TaskBox;
  setModels(models: Models): void;
}

/** Tasks that show what this can do, also where only the scripted demo answers. */
const examples = [
  'Write a haiku about trains to haiku.txt, then show it.',
  'Run `node --version` and `ls -la`, then tell me what is there.',
  'Work out (17 * 23) + 4096 / 8 and save the answer in sum.txt.',
];

/** Where a task begins. */
export function createHomeView({
  menuButton,
  onSubmit,
}: {
  readonly menuButton: HTMLElement;
  readonly onSubmit: (task: Task) => Promise<void>;
}): HomeView {
  const taskBox = createTaskBox({
    placeholder: matchMedia('(pointer: coarse)').matches
      ? 'Describe a task'
      : 'Describe a task, or drop files here',
    onSubmit,
  });
  const scripted = element(
    'p',
    { class: 'home-note', hidden: true },
    'A scripted demo answers here, not a language model. Give Switchyard the key of a model to use a real one.',
  );
  const root = element(
    'main',
    { class: 'home', id: 'main', tabindex: -1 },
    element('header', { class: 'home-header' }, menuButton),
    element(
      'div',
      { class: 'home-content' },
      element('h1', {}, 'What needs doing?'),
      element(
        'p',
        { class: 'home-lead' },
        'Describe a task. It runs in a workspace of its own, and goes on when you leave.',
      ),
      taskBox.element,
      element(
        'ul',
        { class: 'examples', 'aria-label': 'Examples' },
        ...examples.map((text) => element('li', {}, exampleButton(text, taskBox))),
      ),
      scripted,
    ),
  );
  return {
    element: root,
    taskBox,
    setModels(models) {
      taskBox.setModels(models);
      scripted.hidden = models.find(({ isDefault }) => isDefault)?.provider !== 'scripted';
    },
  };
}

function exampleButton(text: string, taskBox: TaskBox): HTMLElement {
  return element(
    'button',
    {
      type: 'button',
      on: {
        click() {
          taskBox.setText(text);
          taskBox.focus();
        },
      },
    },
    icon('spark'),
    element('span', {}, text),
  );
}
