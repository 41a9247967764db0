import { SwitchyardError } from '@switchyard/client';
import { element } from '../element.ts';
import { icon } from '../icon.ts';
import type { PartActions } from './part-view.ts';

/** Asks a person whether a call may run, in the agent's words when it gave any. */
export function createApprovalView(
  { approvalId, question }: { readonly approvalId: string; readonly question: string },
  actions: Pick<PartActions, 'decide'>,
): HTMLElement {
  const reason = element('input', {
    type: 'text',
    'aria-label': 'Reason, told to the agent when you deny',
    placeholder: 'Reason (optional)',
    maxlength: 1000,
    autocomplete: 'off',
  });
  const problem = element('p', { class: 'problem', role: 'alert', hidden: true });
  const allow = element('button', { type: 'button', class: 'primary' }, icon('check'), 'Allow');
  const deny = element('button', { type: 'button', class: 'plain' }, icon('cross'), 'Deny');

  async function decide(approved: boolean): Promise<void> {
    problem.hidden = true;
    for (const button of [allow, deny]) button.disabled = true;
    try {
      const said = reason.value.trim();
      await actions.decide(approvalId, { approved, ...(said === '' ? {} : { reason: said }) });
    } catch (error) {
      problem.hidden = false;
      problem.textContent =
        error instanceof SwitchyardError ? error.detail : 'The answer could not be sent. Try again.';
      for (const button of [allow, deny]) button.disabled = false;
    }
  }
  allow.addEventListener('click', () => void decide(true));
  deny.addEventListener('click', () => void decide(false));
  return element(
    'div',
    { class: 'approval', role: 'group', 'aria-label': 'Approval' },
    element('p', {}, question),
    element('div', { class: 'approval-actions' }, allow, deny, reason),
    problem,
  );
}
