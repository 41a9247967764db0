import {
  background,
  maxBackgroundCommands,
  noteExit,
  notePid,
  pruneLogs,
  startInBackground,
} from './background-text.ts';
import {
  call,
  keepReserve,
  prologue,
  quote,
  recordResult,
  requireIncarnation,
  say,
  takeClaim,
  useRoom,
} from './shell-text.ts';
import { uploadPrefix, workspaceRoot } from './workspace-path.ts';

/** An upload that is older was broken off, and so was its removal: none takes longer. */
const maxUploadMinutes = 300;

/** Longer ones go by a file: one argument of a program holds 128 KiB at most (MAX_ARG_STRLEN). */
const maxArgumentBytes = 100_000;

/**
 * The exit code first, then the output: a process that has ended writes no more, so what is read after its exit code
 * is all of it. What a `reader` is shown is noted as seen by him.
 */
const report = ({
  offset,
  maxBytes,
  reader = null,
}: {
  readonly offset: number;
  readonly maxBytes: number;
  readonly reader?: string | null;
}): string => `code=
{ read -r code <"$c/exit"; }
word=running
if [ "$code" ]; then word="exited $code"; else
  pid=; { read -r pid <"$c/pid"; }
  if [ ! "$pid" ]; then word=starting; elif [ ! -d "/proc/$pid" ]; then word=ended; fi
fi
echo "SY1 $word"
${
  reader === null
    ? ''
    : `shown=$(head -c ${maxBytes} "$o" | wc -c); echo "start 0 $shown" >"$c/seen-${reader}"
head -c "$shown" "$o" | base64 -w 0; echo; exit 0`
}
if [ -s "$o" ]; then ${offset === 0 ? '' : `tail -c +${offset + 1} "$o" | `}head -c ${maxBytes}${offset === 0 ? ' "$o"' : ''} | base64 -w 0; fi
echo`;

/**
 * Runs the function `record` in the background and waits until it has ended or `seconds` have passed: a line comes
 * from whichever is first, and the clock goes unheard otherwise. bash needs no program for it; it alone has these
 * words, hence `eval`.
 */
const startRecorder = (seconds: number): string => `if [ "$BASH_VERSION" ]; then
  eval 'exec 9< <(record)'; eval 'read -r -t ${seconds} -u 9'
else
  { { record; echo; } & { sleep ${seconds}; echo; } & } | read -r first
fi`;

/**
 * Answers \`SY1 here <token>\`. Outputs that nobody has added to for hours, uploads that nobody finished and what else is
 * recorded of yesterday's calls are removed on the way: they take memory. The claims themselves stay, the lock of
 * changes, and all of what runs in the background.
 */
export function identifyScript(): string {
  return `${prologue}
if [ -d "$claims/background" ]; then for b in "$claims/background/"*; do
  key=\${b##*/}; [ -e "$b" ] && [ ! -s "$claims/$key/exit" ] && touch "$b" "$claims/$key/"* "$outputs/$key"
done; fi
[ -d "$outputs" ] && find "$outputs" -type f ! -name 'session-*' ! -name changes -mmin +360 -delete
[ -d "$claims" ] && find "$claims" -type f ! -name owner ! -name reserve -mmin +1440 -delete
find /tmp ${quote(workspaceRoot)} -maxdepth 1 -type f -name ${quote(`${uploadPrefix}*`)} -mmin +${maxUploadMinutes} -delete >/dev/null &
${keepReserve}
${pruneLogs}
echo "SY1 here $now"`;
}

export interface StartScriptOptions {
  readonly key: string;
  readonly token: string;
  readonly nonce: string;
  readonly command: string;
  /** Absolute. */
  readonly cwd: string;
  /** Null for a command that starts with what the sandbox has for all. */
  readonly session: { readonly text: string; readonly environment: string } | null;
  /** What it is shown as among commands in the background. */
  readonly label: string | null;
  /** Of a command that is not waited for, who gets its first output (`readerKey`); null for others. */
  readonly reader: string | null;
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

const startInFront = (start: string): string => `  record() {
    setsid ${start} >>"$o" 2>&1 </dev/null &
    pid=$!; ${notePid('$pid')}
    wait $pid; code=$?
    ${noteExit}
  }`;

/**
 * Claims the call, starts the command in a session and process group of its own, and waits a moment. The process that
 * records the exit code is outside that group: a command that kills its own group is recorded, too.
 * Answers `incarnation`, `no-folder`, `full` (as many as may be run in the background), `taken`, or as `report`.
 */
export function startScript(options: StartScriptOptions): string {
  const isShort = Buffer.byteLength(options.command) <= maxArgumentBytes;
  const text = quote(options.command);
  const { session } = options;
  const start = session
    ? // What a shell starts in the background ignores these signals, and so would all that it starts.
      `env $isolated --default-signal=INT,QUIT $shell -c ${quote(session.text)} \${shell##*/} "$c" ${isShort ? text : ''}`
    : isShort
      ? `$shell -c ${text} \${shell##*/}`
      : '$shell "$c/command"';
  return `${prologue}
${requireIncarnation(options.token)}
cd -- ${quote(options.cwd)} || ${say('no-folder')}
${call(options.key)}
${options.reader === null ? '' : `[ -d "$c" ] || { ${background.count}; [ $running -lt ${maxBackgroundCommands} ] || ${say('full')}; }`}
${takeClaim(options.nonce)}
${recordResult(options.resultJson)}
if [ ! "$repeated" ]; then
  : >"$c/starts"
  shell=/bin/bash; [ -x $shell ] || shell=/bin/sh
  : >"$o"
  ${isShort ? '' : `printf %s ${text} >"$c/command"`}
  ${session?.environment ?? ''}
${options.label === null ? '' : `printf %s ${quote(options.label)} >"$c/label"`}
  ${options.reader === null ? startInFront(start) : startInBackground(start)}
  ${startRecorder(options.waitSeconds)}
fi
${report({ offset: 0, maxBytes: options.maxBytes, reader: options.reader })}
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
 * (`killed` or `ended`); a command whose process is not there yet will not come. `reason` is what is recorded instead of an exit code. With a `nonce`, a call that somebody
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
[ "$pid" ] || [ -e "$c/starts" ] || ${say('ended')}
${options.nonce === null ? '' : requireOwner}
if [ ! -s "$c/exit" ]; then ${useRoom}; echo ${options.reason} >"$c/exit"; fi
{ read -r pid <"$c/pid"; }
i=0; while [ "$pid" ] && [ $i -lt 50 ]; do
  kill -9 "-$pid" || kill -9 "$pid" || break
  sleep 0.02; i=$((i+1))
done
echo 'SY1 killed'`;
}

/**
 * Answers `incarnation`, `free`, `started <seconds ago>`, or `recorded <exit code or reason> <size of the output>` and three lines: the
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
if [ ! "$code" ] || [ "$code" = sealed ]; then
  clock=$(date +%s); begun=$(stat -c %Y "$c"); [ "$begun" ] || begun=$clock
  echo "SY1 started $((clock - begun))"; exit 0
fi
size=0; [ -s "$o" ] && size=$(wc -c <"$o")
echo "SY1 recorded $code $size"
[ -s "$c/result" ] && base64 -w 0 "$c/result"; echo
if [ "$size" -le ${half * 2} ]; then [ -s "$o" ] && base64 -w 0 "$o"; echo; else
  head -c ${half} "$o" | base64 -w 0; echo
  tail -c ${half} "$o" | base64 -w 0
fi
echo`;
}

/** Of a large output that was read: removes it unless it is kept, and makes room among the others. */
export function settleOutputScript({
  key,
  isKept,
}: {
  readonly key: string;
  readonly isKept: boolean;
}): string {
  return `${prologue}
${call(key)}
${isKept ? '' : 'rm -f "$o"'}
${pruneLogs}
echo 'SY1 settled'`;
}
