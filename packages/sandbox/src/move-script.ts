import { effectScript, type EffectClaim } from './claimed-effect.ts';
import { changeWords } from './change-script.ts';
import { containment, quote } from './shell-text.ts';

/**
 * Renames a file, folder or link; a link itself, not what it leads to. What stands at the new place is replaced only
 * when that is asked for and both are no folders. Answers `ok`, or a word and whose it is, 0 for the old path and 1 for
 * the new one: `not-found`, `exists`, `is-folder`, `no-folder`, `denied`, `outside`, `failed`.
 */
export function moveScript(options: {
  readonly claim: EffectClaim | null;
  readonly root: string;
  /** Absolute, as `to` is. */
  readonly from: string;
  readonly to: string;
  readonly isReplacing: boolean;
}): string {
  const [from, to] = [quote(options.from), quote(options.to)];
  return effectScript(
    options.claim,
    `${containment(options.root)}
${changeWords}
side=0
move() {
  f=${from}
  [ -d "\${f%/*}" ] || { word=not-found; return 1; }
  place "$f" || return 1
  [ -e "$n" ] || [ -L "$n" ] || { word=not-found; return 1; }
  source=$n; from=$folder
  side=1
  place ${to} || return 1
  if [ -e "$n" ] || [ -L "$n" ]; then
    [ ${options.isReplacing ? 'yes' : "''"} ] || { word=exists; return 1; }
    [ -d "$n" ] && [ ! -L "$n" ] && { word=is-folder; return 1; }
  fi
  # The new folder by what it is, not by its name: it cannot be swapped for another any more.
  command exec 5<. || { word=denied; return 1; }
  side=0
  at "$from" || return 1
  word=failed
  if [ -d "$source" ] && [ ! -L "$source" ]; then mv -nT -- "$source" "/proc/self/fd/5/$n"
  else mv ${options.isReplacing ? '-fT' : '-nT'} -- "$source" "/proc/self/fd/5/$n"; fi && [ ! -e "$source" ] && [ ! -L "$source" ]
}
if move; then word=ok; else
  word="$word $side"
  printf %s "$made" | while IFS= read -r folder; do rmdir -- "$folder"; done
fi`,
  );
}
