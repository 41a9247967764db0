import { createHash, randomBytes } from 'node:crypto';

/** A call's id as a file name: ids come from models and may hold anything. */
export function callKey(callId: string): string {
  return `call-${createHash('sha256').update(callId).digest('hex').slice(0, 40)}`;
}

/** The short name of a command that its call started: the beginning of the call's key. */
export function commandIdOf(callId: string): string {
  return idOfKey(callKey(callId));
}

export function idOfKey(key: string): string {
  return key.slice('call-'.length, 'call-'.length + 12);
}

/** Who asks: the same for all attempts of one request, different for everybody else. */
export function createNonce(): string {
  return randomBytes(12).toString('hex');
}

/** The part of an incarnation that the sandbox itself can check. */
export function tokenOf(incarnation: string): string {
  return incarnation.slice(incarnation.lastIndexOf('@') + 1);
}

/** The id of the sandbox whose incarnation it is: another one has nothing of what was in it. */
export function sandboxIdOf(incarnation: string): string {
  return incarnation.slice(0, incarnation.lastIndexOf('@'));
}

export function formatIncarnation(sandboxId: string, token: string): string {
  return `${sandboxId}@${token}`;
}
