/**
 * Shell text that runs inside a sandbox: POSIX sh, coreutils, findutils and util-linux' setsid, nothing of any host.
 * Each script answers one line `SY1 <word> …`, then lines of base64, since answers travel as JSON strings.
 */

/** Longer ones go by a file: one argument of a program holds 128 KiB at most (MAX_ARG_STRLEN). */
const maxArgumentBytes = 100_000;

/** One word of shell text, whatever it holds (but NUL). */
export function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * Sets `$now` (first group of the machine's boot id, start time of pid 1), `$claims` (in memory, so that claims
 * vanish with the namespace; named by `$now` where there is no such place) and `$outputs`.
 */
const prologue = `exec 2>/dev/null
boot=x; { read -r boot </proc/sys/kernel/random/boot_id; }
read -r stat </proc/1/stat; set -f; set -- \${stat##*) }; set +f
now=\${boot%%-*}-\${20}
claims=/dev/shm; [ -w "$claims" ] || claims=/tmp
claims=$claims/.switchyard-$now; outputs=/tmp/.switchyard-$now`;

const say = (word: string): string => `{ echo 'SY1 ${word}'; exit 0; }`;

const requireIncarnation = (token: string): string => `[ "$now" = ${quote(token)} ] || ${say('incarnation')}`;

/** The place of one call; `key` is safe as a file name. */
const call = (key: string): string => `c=$claims/${key}; o=$outputs/${key}`;

/**
 * Takes the claim by one `mkdir`. Who finds it taken with his own nonce has asked twice (his first request's answer
 * was lost): `$repeated` is set then, and nothing may be started.
 */
const takeClaim = (nonce: string): string => `[ -d "$claims" ] || mkdir -p "$claims"
[ -d "$outputs" ] || mkdir -p "$outputs"
repeated=
if mkdir "$c"; then echo ${nonce} >"$c/owner"; else
  i=0; while [ ! -s "$c/owner" ] && [ $i -lt 25 ]; do sleep 0.02; i=$((i+1)); done
  owner=; read -r owner <"$c/owner"
  [ "$owner" = ${nonce} ] || ${say('taken')}
  repeated=1
fi`;

const recordResult = (resultJson: string | null): string =>
  resultJson === null ? '' : `[ "$repeated" ] || printf %s ${quote(resultJson)} >"$c/result"`;

/**
 * The exit code first, then the output: a process that has ended writes no more, so what is read after its exit code
 * is all of it. `$size` is told so that a reader far behind may skip.
 */
const report = ({
  offset,
  maxBytes,
}: {
  readonly offset: number;
  readonly maxBytes: number;
}): string => `code=
{ read -r code <"$c/exit"; }
word=running
if [ "$code" ]; then word="exited $code"; else
  pid=; { read -r pid <"$c/pid"; }
  if [ ! "$pid" ]; then word=starting; elif [ ! -d "/proc/$pid" ]; then word=ended; fi
fi
echo "SY1 $word"
if [ -s "$o" ]; then ${offset === 0 ? '' : `tail -c +${offset + 1} "$o" | `}head -c ${maxBytes}${offset === 0 ? ' "$o"' : ''} | base64 -w 0; fi
echo`;

/**
 * Runs the function `record` in the background and waits until it has ended or `seconds` have passed. bash sees its
 * end in the pipe that its output goes to, and need not start a clock; it alone has these words, hence `eval`.
 */
const startRecorder = (seconds: number): string => `if [ "$BASH_VERSION" ]; then
  eval 'exec 9< <(record)'; eval 'read -r -t ${seconds} -u 9'
else
  ( record ) >/dev/null &
  i=0; while [ ! -s "$c/exit" ] && [ $i -lt ${Math.ceil(seconds / 0.02)} ]; do sleep 0.02; i=$((i+1)); done
fi`;

/**
 * Answers \`SY1 here <token>\`. Outputs that nobody has added to for hours and what else is recorded of yesterday's
 * calls are removed on the way: they take memory. The claims themselves stay.
 */
export function identifyScript(): string {
  return `${prologue}
[ -d "$outputs" ] && find "$outputs" -type f -mmin +360 -delete
[ -d "$claims" ] && find "$claims" -type f ! -name owner -mmin +1440 -delete
echo "SY1 here $now"`;
}

export interface StartScriptOptions {
  readonly key: string;
  readonly token: string;
  readonly nonce: string;
  readonly command: string;
  /** Absolute. */
  readonly cwd: string;
  readonly resultJson: string | null;
  readonly maxBytes: number;
  /** How long to wait for a quick end. */
  readonly waitSeconds: number;
  /** Calls without a claim that were read to their end. */
  readonly forgetKeys: readonly string[];
}

/** In the background, its output closed: the answer does not wait for it. */
const forgetCalls = (keys: readonly string[]): string =>
  keys.length === 0
    ? ''
    : `rm -rf ${keys.map((key) => `"$claims/${key}" "$outputs/${key}"`).join(' ')} >/dev/null </dev/null &`;

/**
 * Claims the call, starts the command in a session and process group of its own, and waits a moment. The process that
 * records the exit code is outside that group: a command that kills its own group is recorded, too.
 * Answers `incarnation`, `no-folder`, `taken`, or as `report`.
 */
export function startScript(options: StartScriptOptions): string {
  const isShort = Buffer.byteLength(options.command) <= maxArgumentBytes;
  const text = quote(options.command);
  return `${prologue}
${requireIncarnation(options.token)}
cd -- ${quote(options.cwd)} || ${say('no-folder')}
${call(options.key)}
${takeClaim(options.nonce)}
${recordResult(options.resultJson)}
if [ ! "$repeated" ]; then
  shell=/bin/bash; [ -x $shell ] || shell=/bin/sh
  : >"$o"
  ${isShort ? '' : `printf %s ${text} >"$c/command"`}
  record() {
    setsid $shell ${isShort ? `-c ${text} \${shell##*/}` : '"$c/command"'} >>"$o" 2>&1 </dev/null &
    echo $! >"$c/pid"
    wait $!; code=$?
    [ -s "$c/exit" ] || echo $code >"$c/exit"
  }
  ${startRecorder(options.waitSeconds)}
fi
${report({ offset: 0, maxBytes: options.maxBytes })}
${forgetCalls(options.forgetKeys)}`;
}

/**
 * Waits until there is output after `offset`, the command has ended, or `waitSeconds` have passed. Answers `gone`
 * (the sandbox was started anew) or as `report`; `ended` when the process is gone and no exit code is recorded.
 */
export function waitScript(options: {
  readonly key: string;
  readonly token: string;
  readonly offset: number;
  readonly maxBytes: number;
  readonly waitSeconds: number;
}): string {
  const { offset, waitSeconds } = options;
  return `${prologue}
${requireIncarnation(options.token)}
${call(options.key)}
[ -d "$c" ] || ${say('gone')}
if [ ! -s "$c/exit" ] && [ ${waitSeconds} != 0 ]; then
  pid=; { read -r pid <"$c/pid"; }
  if [ "$pid" ]; then
    timeout ${waitSeconds} tail -f -s 0.1 --pid="$pid" -c +${offset + 1} "$o" | head -c 1 >/dev/null
  else sleep 0.05; fi
  [ -s "$c/exit" ] || [ -d "/proc/$pid" ] || sleep 0.05
fi
${report(options)}`;
}

/** Answers \`SY1 size <bytes>\`. */
export function outputSizeScript({ key }: { readonly key: string }): string {
  return `${prologue}
${call(key)}
echo "SY1 size $(wc -c <"$o")"`;
}

/**
 * Ends a call for good: takes its claim when it is free (`sealed`), else kills its process group unless it has ended
 * (`killed` or `ended`). `reason` is what is recorded instead of an exit code. With a `nonce`, a call that somebody
 * else started is left alone (`taken`).
 */
export function stopScript(options: {
  readonly key: string;
  readonly token: string;
  readonly nonce: string | null;
  readonly reason: 'killed' | 'timed-out';
}): string {
  const requireOwner = `owner=; { read -r owner <"$c/owner"; }
[ "$owner" = ${options.nonce} ] || ${say('taken')}`;
  return `${prologue}
${requireIncarnation(options.token)}
${call(options.key)}
[ -d "$claims" ] || mkdir -p "$claims"
if mkdir "$c"; then echo sealed >"$c/owner"; echo sealed >"$c/exit"; ${say('sealed')}; fi
[ -s "$c/exit" ] && ${say('ended')}
i=0; while [ ! -s "$c/pid" ] && [ ! -s "$c/exit" ] && [ $i -lt 50 ]; do sleep 0.02; i=$((i+1)); done
pid=; { read -r pid <"$c/pid"; }
[ "$pid" ] || ${say('ended')}
${options.nonce === null ? '' : requireOwner}
[ -s "$c/exit" ] || echo ${options.reason} >"$c/exit"
kill -9 "-$pid"
i=0; while kill -0 "-$pid" && [ $i -lt 50 ]; do sleep 0.02; i=$((i+1)); done
echo 'SY1 killed'`;
}

/**
 * Answers `incarnation`, `free`, `started`, or `recorded <exit code or reason> <size of the output>` and three lines: the
 * result, the output's head and its tail (empty when the head is everything).
 */
export function inspectScript(options: {
  readonly key: string;
  readonly token: string;
  readonly maxBytes: number;
}): string {
  const half = Math.floor(options.maxBytes / 2);
  return `${prologue}
${requireIncarnation(options.token)}
${call(options.key)}
[ -d "$c" ] || ${say('free')}
code=; { read -r code <"$c/exit"; }
[ "$code" ] && [ "$code" != sealed ] || ${say('started')}
size=0; [ -s "$o" ] && size=$(wc -c <"$o")
echo "SY1 recorded $code $size"
[ -s "$c/result" ] && base64 -w 0 "$c/result"; echo
if [ "$size" -le ${half * 2} ]; then [ -s "$o" ] && base64 -w 0 "$o"; echo; else
  head -c ${half} "$o" | base64 -w 0; echo
  tail -c ${half} "$o" | base64 -w 0
fi
echo`;
}

/** Removes a call's output and keeps its claim. */
export function forgetOutputScript({ key }: { readonly key: string }): string {
  return `${prologue}
${call(key)}
rm -f "$o"
echo 'SY1 forgotten'`;
}

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
