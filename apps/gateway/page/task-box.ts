import type { ModelsResponse } from '@switchyard/protocol';
import { createAttachmentsView } from './attachments-view.ts';
import { element, fill } from './element.ts';
import { icon } from './icon.ts';

/** The models that a task may name. */
export type Models = readonly Pick<ModelsResponse['models'][number], 'id' | 'provider' | 'isDefault'>[];

/** What a person wants done. */
export interface Task {
  readonly text: string;
  readonly files: readonly File[];
  readonly model: string | null;
}

/** `correct`: something runs, and a text goes to it; files then have to wait. */
export type TaskBoxMode = 'start' | 'correct';

export interface TaskBox {
  readonly element: HTMLElement;
  setMode(mode: TaskBoxMode): void;
  /** Offers a choice when there are several. */
  setModels(models: Models): void;
  setText(text: string): void;
  addFiles(files: readonly File[]): void;
  focus(): void;
  showProblem(text: string | null): void;
}

const labels: Readonly<Record<TaskBoxMode, { readonly box: string; readonly send: string }>> = {
  start: { box: 'Describe a task', send: 'Start' },
  correct: { box: 'Add a correction; it is read at the next step', send: 'Send' },
};
const maxHeight = 240;

/**
 * The box for a task: text, files by choice, drop and paste, and a model when there are several. `onSubmit` takes what was
 * written; when it throws, everything stays in the box. Enter sends where there is a keyboard, Shift+Enter breaks the line.
 */
export function createTaskBox({
  placeholder,
  onSubmit,
}: {
  readonly placeholder: string;
  readonly onSubmit: (task: Task) => Promise<void>;
}): TaskBox {
  let mode: TaskBoxMode = 'start';
  let isSending = false;
  const attachments = createAttachmentsView(() => draw());
  const input = element('textarea', {
    rows: 1,
    'aria-label': labels.start.box,
    placeholder,
    maxlength: 200_000,
  });
  const chooser = element('input', { type: 'file', multiple: true, hidden: true, tabindex: -1 });
  const attach = element(
    'button',
    { type: 'button', class: 'quiet', 'aria-label': 'Attach files', title: 'Attach files' },
    icon('attach'),
  );
  const model = element('select', { 'aria-label': 'Model', class: 'model' });
  const send = element(
    'button',
    { type: 'submit', class: 'primary send', 'aria-label': 'Start' },
    icon('send'),
  );
  const problem = element('p', { class: 'problem', role: 'alert', hidden: true });
  const form = element(
    'form',
    { class: 'task-box' },
    attachments.element,
    input,
    element(
      'div',
      { class: 'task-actions' },
      attach,
      chooser,
      model,
      element('span', { class: 'grow' }),
      send,
    ),
  );
  const root = element('div', { class: 'task-box-frame' }, problem, form);

  const hasContent = () => input.value.trim() !== '' || attachments.files().length > 0;

  function draw(): void {
    const isCorrecting = mode === 'correct';
    const hasFiles = attachments.files().length > 0;
    send.disabled = isSending || (isCorrecting ? input.value.trim() === '' || hasFiles : !hasContent());
    send.setAttribute('aria-label', labels[mode].send);
    send.title = labels[mode].send;
    input.setAttribute('aria-label', labels[mode].box);
    input.placeholder = isCorrecting ? labels.correct.box : placeholder;
    attach.hidden = isCorrecting && !hasFiles;
    model.hidden = isCorrecting || model.options.length < 2;
    form.classList.toggle('is-sending', isSending);
    // Its height follows its text, up to a bound; a box that is not shown has none.
    input.style.height = 'auto';
    if (input.scrollHeight > 0) input.style.height = `${Math.min(input.scrollHeight, maxHeight)}px`;
  }

  function showProblem(text: string | null): void {
    problem.hidden = text === null;
    problem.textContent = text ?? '';
  }

  function addFiles(files: readonly File[]): void {
    if (files.length === 0) return;
    showProblem(mode === 'correct' ? 'Files can be added when the task has ended.' : attachments.add(files));
    draw();
  }

  async function submit(): Promise<void> {
    if (send.disabled) return;
    const task = {
      text: input.value.trim(),
      files: attachments.files(),
      model: model.options.length < 2 ? null : model.value,
    };
    isSending = true;
    showProblem(null);
    draw();
    try {
      await onSubmit(task);
      // What was typed meanwhile belongs to the next task.
      if (input.value.trim() === task.text) input.value = '';
      attachments.clear();
    } catch (error) {
      showProblem(error instanceof Error ? error.message : 'It could not be sent. Try again.');
    } finally {
      isSending = false;
      draw();
    }
  }

  input.addEventListener('input', draw);
  input.addEventListener('keydown', (event) => {
    const isTouch = matchMedia('(pointer: coarse)').matches;
    if (event.key !== 'Enter' || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || (!event.shiftKey && !isTouch)) {
      event.preventDefault();
      void submit();
    }
  });
  input.addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    addFiles(files);
  });
  attach.addEventListener('click', () => chooser.click());
  chooser.addEventListener('change', () => {
    addFiles([...(chooser.files ?? [])]);
    chooser.value = '';
    input.focus();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void submit();
  });
  draw();
  return {
    element: root,
    setMode(next) {
      if (mode === next) return;
      mode = next;
      draw();
    },
    setModels(models) {
      const options = models.map(({ id, isDefault }) =>
        element('option', { value: id, selected: isDefault }, id.slice(id.indexOf(':') + 1)),
      );
      fill(model, ...options);
      draw();
    },
    setText(text) {
      input.value = text;
      draw();
    },
    addFiles,
    focus: () => input.focus(),
    showProblem,
  };
}
