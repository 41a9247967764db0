import { element, fill } from './element.ts';
import { icon } from './icon.ts';
import { openSessions, type SignInService } from './session.ts';
import { createSignInView } from './sign-in-view.ts';
import { createWorkspacePage } from './workspace-page.ts';

const root = document.querySelector('#page') ?? document.body;

/** Asks the gateway where people sign in; null when it does not say. */
async function readService(): Promise<SignInService | null> {
  try {
    const response = await fetch('/v1/config');
    if (!response.ok) return null;
    const answer = (await response.json()) as { supabaseUrl?: unknown; publishableKey?: unknown };
    const { supabaseUrl, publishableKey } = answer;
    if (typeof supabaseUrl !== 'string' || typeof publishableKey !== 'string') return null;
    return { supabaseUrl, publishableKey };
  } catch {
    return null;
  }
}

function showFailure(): void {
  const again = element('button', { type: 'button', class: 'plain' }, icon('refresh'), 'Try again');
  again.addEventListener('click', () => void start());
  fill(
    root,
    element(
      'main',
      { class: 'failure' },
      icon('offline'),
      element('h1', {}, 'Switchyard does not answer'),
      element('p', {}, 'The server cannot be reached, or nobody has told it where people sign in.'),
      again,
    ),
  );
}

/** Shows the page that fits who is there, and another one when that changes. */
async function start(): Promise<void> {
  const service = await readService();
  if (!service) {
    showFailure();
    return;
  }
  const sessions = openSessions(service);
  let page: ReturnType<typeof createWorkspacePage> | null = null;
  function draw(): void {
    page?.close();
    page = sessions.current() === null ? null : createWorkspacePage(sessions);
    fill(root, page?.element ?? createSignInView(sessions));
    if (page) page.focus();
    else root.querySelector('input')?.focus();
  }
  sessions.onChange(draw);
  draw();
}

await start();
