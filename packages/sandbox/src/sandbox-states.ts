import type { Sandbox as DaytonaSandbox } from '@daytonaio/sdk';

/** What can be done about a sandbox so that it can be used. */
export type NextStep = 'use' | 'start' | 'wait' | 'recover' | 'replace';

/** The states of the service, by what can be done about them; one that is not known here is waited for. */
export function nextStep({ state, recoverable }: Pick<DaytonaSandbox, 'state' | 'recoverable'>): NextStep {
  switch (state) {
    case 'started':
      return 'use';
    case 'stopped':
    case 'archived':
    case 'archiving':
    case 'paused':
      return 'start';
    case 'error':
      return recoverable ? 'recover' : 'replace';
    case 'build_failed':
    case 'destroyed':
    case 'destroying':
      return 'replace';
    default:
      return 'wait';
  }
}
