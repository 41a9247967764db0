import { element, setText } from './element.ts';
import { icon } from './icon.ts';
import { type Sessions, SignInError } from './session.ts';

/** Where somebody signs in or makes an account. */
export function createSignInView(sessions: Sessions): HTMLElement {
  let isNew = false;
  const title = element('h1', {}, 'Sign in');
  const email = element('input', {
    type: 'email',
    id: 'email',
    name: 'email',
    autocomplete: 'username',
    required: true,
    autofocus: true,
  });
  const password = element('input', {
    type: 'password',
    id: 'password',
    name: 'password',
    autocomplete: 'current-password',
    required: true,
  });
  const problem = element('p', { class: 'problem', role: 'alert', hidden: true });
  const hint = element('p', { class: 'hint', hidden: true });
  const submit = element('button', { type: 'submit', class: 'primary wide' }, 'Sign in');
  const change = element('button', { type: 'button', class: 'link' }, 'Create an account');
  const question = element('span', {}, 'New here?');
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\]|.*\.localhost)$/.test(location.hostname);

  function draw(): void {
    setText(title, isNew ? 'Create an account' : 'Sign in');
    setText(submit, isNew ? 'Create account' : 'Sign in');
    setText(question, isNew ? 'Have an account?' : 'New here?');
    setText(change, isNew ? 'Sign in' : 'Create an account');
    password.autocomplete = isNew ? 'new-password' : 'current-password';
    problem.hidden = true;
  }

  function tell(node: HTMLElement, text: string): void {
    node.hidden = false;
    setText(node, text);
  }

  async function send(): Promise<void> {
    submit.disabled = true;
    problem.hidden = true;
    hint.hidden = true;
    try {
      if (!isNew) await sessions.signIn(email.value.trim(), password.value);
      else if ((await sessions.signUp(email.value.trim(), password.value)) === 'confirm-email') {
        isNew = false;
        draw();
        tell(hint, 'Check your inbox and confirm the address, then sign in.');
      }
    } catch (error) {
      tell(problem, error instanceof SignInError ? error.message : 'Signing in failed. Try again.');
      password.focus();
    } finally {
      submit.disabled = false;
    }
  }

  change.addEventListener('click', () => {
    isNew = !isNew;
    draw();
    email.focus();
  });
  const form = element(
    'form',
    { class: 'sign-in-form', on: { submit: (event) => (event.preventDefault(), void send()) } },
    element('label', { for: 'email' }, 'Email'),
    email,
    element('label', { for: 'password' }, 'Password'),
    password,
    problem,
    hint,
    submit,
    element('p', { class: 'switch' }, question, ' ', change),
  );
  return element(
    'main',
    { class: 'sign-in' },
    element(
      'div',
      { class: 'sign-in-card' },
      element('p', { class: 'brand' }, icon('mark'), 'Switchyard'),
      title,
      form,
    ),
    isLocal &&
      element(
        'p',
        { class: 'sign-in-note' },
        'On your own machine? The terminal where Switchyard was started shows an email and a password.',
      ),
  );
}
