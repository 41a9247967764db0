import { callKey, tokenOf } from './call-key.ts';
import type { Claim } from './sandbox.ts';
import { call, prologue, quote, recordResult, requireIncarnation, takeClaim, useRoom } from './shell-text.ts';

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
function claimedEffect(claim: EffectClaim, effect: string, uploadPath: string | null): string {
  return `${prologue}
${removeAtEnd(uploadPath)}
${requireIncarnation(claim.token)}
${call(claim.key)}
${takeClaim(claim.nonce)}
answer_line=
if [ "$repeated" ]; then
  trap - EXIT
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

/** Whatever comes of the script: who is refused leaves nothing that takes room. */
const removeAtEnd = (path: string | null): string =>
  path === null ? '' : `upload=${quote(path)}; trap 'rm -f -- "$upload"' EXIT`;

/**
 * `effect` is shell text that sets `$word`, which is the answer, `ok` first when it has happened, and may set `$answer_line`,
 * the line below it. What was uploaded for it is removed at the end.
 */
export function effectScript(
  claim: EffectClaim | null,
  effect: string,
  uploadPath: string | null = null,
): string {
  return claim
    ? claimedEffect(claim, effect, uploadPath)
    : `${prologue}
${removeAtEnd(uploadPath)}
word=; answer_line=
${effect}
echo "SY1 $word"
echo "$answer_line"`;
}
