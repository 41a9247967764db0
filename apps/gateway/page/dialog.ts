import { element } from './element.ts';

/** Asks for one line of text; null when the person thought better of it. */
export async function askForText(question: {
  readonly title: string;
  readonly value: string;
  readonly action: string;
}): Promise<string | null> {
  const input = element('input', {
    type: 'text',
    value: question.value,
    'aria-label': question.title,
    maxlength: 200,
    required: true,
    autofocus: true,
  });
  const isAgreed = await showDialog({ ...question, content: [input] });
  return isAgreed ? input.value.trim() || null : null;
}

/** Asks whether something may happen that cannot be undone. */
export async function askForConsent(question: {
  readonly title: string;
  readonly text: string;
  readonly action: string;
}): Promise<boolean> {
  return await showDialog({ ...question, content: [element('p', {}, question.text)], isGrave: true });
}

/** Shows something to read. */
export async function showContent(title: string, content: HTMLElement): Promise<void> {
  await showDialog({ title, content: [content], action: 'Close', isOnlyShown: true });
}

async function showDialog(options: {
  readonly title: string;
  readonly content: readonly HTMLElement[];
  readonly action: string;
  readonly isGrave?: boolean;
  readonly isOnlyShown?: boolean;
}): Promise<boolean> {
  const agree = element(
    'button',
    { type: 'submit', value: 'agree', class: options.isGrave ? 'primary grave' : 'primary' },
    options.action,
  );
  const cancel = element('button', { type: 'button', class: 'plain' }, 'Cancel');
  const dialog = element(
    'dialog',
    { 'aria-label': options.title },
    element(
      'form',
      { method: 'dialog' },
      element('h2', {}, options.title),
      ...options.content,
      element('div', { class: 'dialog-actions' }, options.isOnlyShown ? null : cancel, agree),
    ),
  );
  cancel.addEventListener('click', () => dialog.close(''));
  document.body.append(dialog);
  const before = document.activeElement;
  dialog.showModal();
  return await new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (before instanceof HTMLElement) before.focus();
      resolve(dialog.returnValue === 'agree');
    });
  });
}
