/**
 * Shell text that runs inside a sandbox: POSIX sh, coreutils, findutils and util-linux' setsid, nothing of any host.
 * Each script answers one line `SY1 <word> …`, then lines of base64, since answers travel as JSON strings.
 */

/** One word of shell text, whatever it holds (but NUL). */
export function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * Sets `$now` (first group of the machine's boot id, start time of pid 1), `$claims` (in memory, so that claims
 * vanish with the namespace; named by `$now` where there is no such place) and `$outputs`.
 */
export const prologue = `exec 2>/dev/null
boot=x; { read -r boot </proc/sys/kernel/random/boot_id; }
read -r stat </proc/1/stat; set -f; set -- \${stat##*) }; set +f
now=\${boot%%-*}-\${20}
claims=/dev/shm; [ -w "$claims" ] || claims=/tmp
claims=$claims/.switchyard-$now; outputs=/tmp/.switchyard-$now`;

export const say = (word: string): string => `{ echo 'SY1 ${word}'; exit 0; }`;

export const requireIncarnation = (token: string): string =>
  `[ "$now" = ${quote(token)} ] || ${say('incarnation')}`;

/** The place of one call; `key` is safe as a file name. */
export const call = (key: string): string => `c=$claims/${key}; o=$outputs/${key}`;

/** What is kept for the commands that make room again, once the place of the claims is full; some ten of them. */
export const keepReserve = `[ -d "$claims" ] || mkdir -p "$claims"
[ -s "$claims/reserve" ] || head -c 131072 /dev/zero >"$claims/reserve"`;

/** Gives back the room that a claim keeps for what is recorded of its call. */
export const useRoom = ': >"$c/room"';

/**
 * Takes the claim by one `mkdir`, or answers `no-room` where nothing could be recorded of it: then nothing is started. Who finds it taken with his own nonce has asked twice (his first request's answer
 * was lost): `$repeated` is set then, and nothing may be started.
 */
export const takeClaim = (nonce: string): string => `[ -d "$claims" ] || mkdir -p "$claims"
[ -d "$outputs" ] || mkdir -p "$outputs"
repeated=
own() { echo ${nonce} >"$c/owner"; printf %04096d 0 >"$c/room"; [ -s "$c/owner" ] && [ -s "$c/room" ]; }
if mkdir "$c"; then
  own || { rm -f "$claims/reserve"; own; } || { rm -rf "$c"; ${say('no-room')}; }
else
  [ -d "$c" ] || ${say('no-room')}
  i=0; while [ ! -s "$c/owner" ] && [ $i -lt 25 ]; do sleep 0.02; i=$((i+1)); done
  owner=; read -r owner <"$c/owner"
  [ "$owner" = ${nonce} ] || ${say('taken')}
  repeated=1
fi`;

export const recordResult = (resultJson: string | null): string =>
  resultJson === null ? '' : `[ "$repeated" ] || printf %s ${quote(resultJson)} >"$c/result"`;

/**
 * Words that keep a script below `root`. Links are followed by the kernel first and judged afterwards, by where they
 * led: a link that is swapped meanwhile changes nothing. `here` is true when the current folder is below the root, and
 * sets `$here` to its true path; whoever then works on `./name` works in that very folder.
 */
export const containment = (root: string): string => `line='
'
root=${quote(root)}; real=$root
[ -L "$root" ] && real=$(readlink -f -- "$root")
inside() { case $1 in "$real"|"$real"/*) return 0;; esac; return 1; }
here() { here=$(readlink /proc/self/cwd); inside "$here"; }`;

/**
 * Defines `look`, which is `here`, and at the same time sets `$size` and `$mode` of what stands at `$n`, not following a
 * link, both empty when there is nothing: all by one program. No path of the kernel's holds two slashes in a row.
 */
export const look = `look() {
  here=$(QUOTING_STYLE=literal stat -c '%N// %s %a' -- /proc/self/cwd "$n")
  size=; mode=
  case $here in *//*"$line"*) mode=\${here##* }; size=\${here##*// }; size=\${size% *};; esac
  here=\${here#* -> }; here=\${here%%//*}
  inside "$here"
}`;
