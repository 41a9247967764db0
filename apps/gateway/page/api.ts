import { type Client, createClient, SwitchyardError } from '@switchyard/client';
import { type Sessions, SignInError } from './session.ts';

/** The API of the gateway that served the page, as the person who has signed in. */
export function connectAs(sessions: Pick<Sessions, 'token'>): Client {
  return createClient({
    url: location.origin,
    async token({ refused }) {
      try {
        return await sessions.token(refused);
      } catch (error) {
        const isRefused = error instanceof SignInError && error.isRefused;
        throw new SwitchyardError({
          code: isRefused ? 'unauthorized' : 'unreachable',
          status: isRefused ? 401 : 0,
          detail: error instanceof Error ? error.message : 'Please sign in again.',
        });
      }
    },
  });
}

/** What went wrong, in words for the person. */
export function wordsOfError(error: unknown): string {
  return error instanceof SwitchyardError ? error.detail : 'Something went wrong. Try again.';
}
