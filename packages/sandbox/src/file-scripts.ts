import { call, prologue, quote, recordResult, requireIncarnation, say, takeClaim } from './shell-text.ts';

/** A claimed effect in one piece: claim, effect, record; asked again it answers what was recorded. */
function claimedEffect(
  claim: {
    readonly key: string;
    readonly token: string;
    readonly nonce: string;
    readonly resultJson: string | null;
  },
  effect: string,
): string {
  return `${prologue}
${requireIncarnation(claim.token)}
${call(claim.key)}
${takeClaim(claim.nonce)}
if [ "$repeated" ]; then
  i=0; while [ ! -s "$c/exit" ] && [ $i -lt 250 ]; do sleep 0.02; i=$((i+1)); done
  word=unfinished; { read -r word <"$c/word"; }
else
${recordResult(claim.resultJson)}
word=
${effect}
echo "$word" >"$c/word"
if [ "$word" = ok ]; then echo 0 >"$c/exit"; else echo 1 >"$c/exit"; fi
fi
echo "SY1 $word"`;
}

export type EffectClaim = Parameters<typeof claimedEffect>[0];

function effectScript(claim: EffectClaim | null, effect: string): string {
  return claim
    ? claimedEffect(claim, effect)
    : `${prologue}
word=
${effect}
echo "SY1 $word"`;
}

/**
 * Puts a file in place by a rename within its own folder, so that nobody sees half of it: a rename from elsewhere may
 * cross a mount and would copy. Answers `ok`, `is-folder`, `no-folder` (a file stands where a folder must be),
 * `denied` or `failed`.
 */
export function writeScript(options: {
  readonly claim: EffectClaim | null;
  /** Absolute. */
  readonly path: string;
  readonly nonce: string;
  /** For a file that is not there yet. */
  readonly mode: number;
  readonly source:
    | { readonly kind: 'inline'; readonly base64: string }
    | { readonly kind: 'uploaded'; readonly path: string };
}): string {
  const { source } = options;
  const fill =
    source.kind === 'inline'
      ? `printf %s ${quote(source.base64)} | base64 -d >"$temporary"`
      : `cp -- ${quote(source.path)} "$temporary"`;
  // What a umask of 022 gives anyway: one program less to start.
  const setMode = options.mode === 0o644 ? ':' : `chmod ${options.mode.toString(8)} -- "$temporary"`;
  return effectScript(
    options.claim,
    `umask 022
target=${quote(options.path)}
if [ -L "$target" ]; then target=$(readlink -f -- "$target"); fi
folder=\${target%/*}
temporary=$folder/.switchyard-${options.nonce}
if [ -d "$target" ]; then word=is-folder
elif [ ! -d "$folder" ] && ! mkdir -p -- "$folder"; then word=no-folder
elif [ ! -w "$folder" ]; then word=denied
elif ${fill} && if [ -e "$target" ]; then chmod --reference="$target" -- "$temporary"; else ${setMode}; fi && mv -f -- "$temporary" "$target"; then word=ok
else rm -f -- "$temporary"; word=failed; fi
${source.kind === 'uploaded' ? `rm -f -- ${quote(source.path)}` : ''}`,
  );
}

/** Answers `ok`, `not-found` or `failed`. */
export function removeScript(options: { readonly claim: EffectClaim | null; readonly path: string }): string {
  const path = quote(options.path);
  return effectScript(
    options.claim,
    `if [ ! -e ${path} ] && [ ! -L ${path} ]; then word=not-found
elif rm -rf -- ${path}; then word=ok; else word=failed; fi`,
  );
}

/** Answers `not-found`, `is-folder`, `not-a-file`, `denied`, or `file <size>` and a line of bytes. */
export function readScript({
  path,
  offset,
  length,
}: {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}): string {
  const slice =
    offset === 0 ? `head -c ${length} -- "$f"` : `tail -c +${offset + 1} -- "$f" | head -c ${length}`;
  return `${prologue}
f=${quote(path)}
[ -e "$f" ] || ${say('not-found')}
[ -d "$f" ] && ${say('is-folder')}
[ -f "$f" ] || ${say('not-a-file')}
[ -r "$f" ] || ${say('denied')}
echo "SY1 file $(stat -L -c %s -- "$f")"
${slice} | base64 -w 0
echo`;
}

/** Path, type, size, time of modification, permission bits; NUL ends an entry, a path may hold anything else. */
const entryFormat = String.raw`'%P %y %s %T@ %m\0'`;

/** Answers `not-found` or `entry` and a line with the entry (its path empty). */
export function statScript(path: string): string {
  return `${prologue}
f=${quote(path)}
[ -e "$f" ] || [ -L "$f" ] || ${say('not-found')}
echo 'SY1 entry'
find "$f" -maxdepth 0 -printf ${entryFormat} | base64 -w 0
echo`;
}

/** Answers `not-found`, `not-a-folder`, or `entries` and a line of at most \`maxEntries\` + 1 entries, sorted. */
export function listScript({
  path,
  depth,
  maxEntries,
}: {
  readonly path: string;
  readonly depth: number;
  readonly maxEntries: number;
}): string {
  return `${prologue}
f=${quote(path)}
[ -e "$f" ] || ${say('not-found')}
[ -d "$f" ] || ${say('not-a-folder')}
echo 'SY1 entries'
find "$f/" -mindepth 1 -maxdepth ${depth} -printf ${entryFormat} | LC_ALL=C sort -z | head -z -n ${maxEntries + 1} | base64 -w 0
echo`;
}
