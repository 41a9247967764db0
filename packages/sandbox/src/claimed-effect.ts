import { callKey, tokenOf } from './call-key.ts';
import type { Claim } from './sandbox.ts';
import { call, prologue, recordResult, requireIncarnation, takeClaim, useRoom } from './shell-text.ts';

/** A claim as scripts know it. */
export interface EffectClaim {
  readonly key: string;
  readonly token: string;
  readonly nonce: string;
  readonly resultJson: string | null;
}

export function effectClaim(claim: Claim | undefined, nonce: string): EffectClaim | null {
  if (!claim) return null;
  const resultJson = claim.result === undefined ? null : JSON.stringify(claim.result);
  return { key: callKey(claim.callId), token: tokenOf(claim.incarnation), nonce, resultJson };
}

/**
 * A claimed effect in one piece: claim, effect, record; asked again it answers what was recorded. Words other than
 * `ok` are recorded as the call's output, too: a recovery can tell why nothing happened.
 */
function claimedEffect(claim: EffectClaim, effect: string): string {
  return `${prologue}
${requireIncarnation(claim.token)}
${call(claim.key)}
${takeClaim(claim.nonce)}
answer_line=
if [ "$repeated" ]; then
  i=0; while [ ! -s "$c/exit" ] && [ $i -lt 250 ]; do sleep 0.02; i=$((i+1)); done
  word=unfinished; { read -r word <"$c/word"; }
else
${recordResult(claim.resultJson)}
word=
${effect}
${useRoom}
echo "$word" >"$c/word"
if [ "\${word%% *}" = ok ]; then echo 0 >"$c/exit"; else echo "$word" >"$o"; echo 1 >"$c/exit"; fi
fi
echo "SY1 $word"
echo "$answer_line"`;
}

/**
 * `effect` is shell text that sets `$word`, which is the answer, `ok` first when it has happened, and may set `$answer_line`,
 * the line below it.
 */
export function effectScript(claim: EffectClaim | null, effect: string): string {
  return claim
    ? claimedEffect(claim, effect)
    : `${prologue}
word=; answer_line=
${effect}
echo "SY1 $word"
echo "$answer_line"`;
}
