import type { AccountId, UserId } from '@switchyard/protocol';

/** Who asks, and for which account: a signed-in user, or an API key. Exactly one of `userId` and `apiKeyId` is set. */
export interface Actor {
  readonly accountId: AccountId;
  readonly userId: UserId | null;
  readonly apiKeyId: string | null;
}
