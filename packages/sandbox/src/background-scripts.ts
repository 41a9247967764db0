import { background, guard, maxBackgroundCommands } from './background-text.ts';
import { type EffectClaim, effectScript } from './claimed-effect.ts';
import { call, prologue, quote, requireIncarnation, say } from './shell-text.ts';

/**
 * Lets a command go on that was waited for. Answers `incarnation`, `ended` (also when it is about to start), `full` (as
 * many as may be run in the background), or `left`; the reader is then taken to have seen `offset` bytes.
 */
export function leaveScript(options: {
  readonly key: string;
  readonly token: string;
  readonly reader: string;
  readonly offset: number;
}): string {
  return `${prologue}
${requireIncarnation(options.token)}
${call(options.key)}
pid=; { read -r pid <"$c/pid"; }
[ "$pid" ] && [ ! -s "$c/exit" ] || ${say('ended')}
if [ ! -e "$claims/background/${options.key}" ]; then
  ${background.count}
  [ $running -lt ${maxBackgroundCommands} ] || ${say('full')}
  ${background.mark}
  ${guard}
  # In braces: dash would keep the answer's own end open beside a function's redirection.
  { guard "$pid"; } </dev/null >/dev/null &
fi
echo "start 0 ${options.offset}" >"$c/seen-${options.reader}"
echo 'SY1 left'`;
}

export interface CheckScriptOptions {
  readonly token: string;
  /** Null lists all, without their output. */
  readonly ids: readonly string[] | null;
  readonly reader: string;
  /** Who asks: asked again, the same is answered, and what came since. */
  readonly call: string;
  /** Where to begin instead of behind what the reader has seen. */
  readonly offset: number | null;
  readonly until: 'output' | 'end';
  readonly waitSeconds: number;
  /** Of each command; what is more is given as its head and its tail. */
  readonly maxBytes: number;
}

/** Bytes in front of those that are new: they tell whether the first character began among them. */
export const bytesBefore = 3;

/**
 * Answers `incarnation`, `unknown <id>`, or `commands` and four lines for each: `<key> <exit code, reason, running or
 * lost> <first new byte> <size> <told before that it ended> <seconds since its start> <has an input>`, what it is shown
 * as, and the head and the tail of its new output, which begins `bytesBefore` earlier.
 */
export function checkScript(options: CheckScriptOptions): string {
  const half = Math.floor(options.maxBytes / 2);
  const seen = `"$c/seen-${options.reader}"`;
  const find = (id: string): string =>
    `${background.find(id)}; [ "$t" ] || ${say(`unknown ${id}`)}; set -- "$@" "\${t##*/}"`;
  const list = `set -- "$claims/background/"*; [ -e "$1" ] || set --`;
  const show = `tail -c +$((start+1)) "$o" | head -c`;
  const output = `start=$((from-${bytesBefore})); [ $start -ge 0 ] || start=0
  if [ $((size-start)) -le ${2 * half} ]; then ${show} $((size-start)) | base64 -w 0; echo; echo; else
    ${show} ${half} | base64 -w 0; echo
    start=$((size-${half})); ${show} ${half} | base64 -w 0; echo
  fi
  ended=0; [ "$status" = running ] || ended=1
  echo "${options.call} $from $size $told $ended" >${seen}`;
  return `${prologue}
${requireIncarnation(options.token)}
look() {
  c=$claims/\${1##*/}; o=$outputs/\${1##*/}
  status=; { read -r status <"$c/exit"; }
  if [ ! "$status" ]; then
    pid=; { read -r pid <"$c/pid"; }
    status=running; [ ! "$pid" ] || [ -d "/proc/$pid" ] || { sleep 0.05; status=; read -r status <"$c/exit"; [ "$status" ] || status=lost; }
  fi
  size=0; [ -e "$o" ] && size=$(wc -c <"$o")
  by=; from=0; to=0; told=0; ended=0; read -r by from to told ended <${seen}
  [ "$by" = ${options.call} ] || { from=\${to:-0}; told=\${ended:-0}; }
  ${options.offset === null ? '' : `from=${options.offset}`}
  [ "$from" -le "$size" ] || from=$size
}
set --
${options.ids === null ? list : options.ids.map(find).join('\n')}
i=0
while [ $i -lt ${Math.ceil(options.waitSeconds * 10)} ]; do
  waiting=1; busy=
  for k; do
    look "$k"
    [ "$status" = running ] && busy=1
    ${options.until === 'end' ? '' : '[ "$size" -gt "$from" ] && waiting=; [ "$status" != running ] && [ "$told" = 0 ] && waiting='}
  done
  [ "$waiting" ] && [ "$busy" ] || break
  sleep 0.1; i=$((i+1))
done
echo 'SY1 commands'
clock=$(date +%s)
for k; do
  look "$k"
  begun=$(stat -c %Y "$c/owner"); [ "$begun" ] || begun=$clock
  input=0; [ -p "$c/input" ] && input=1
  printf %s "\${k##*/} $status $from $size $told $((clock-begun)) $input" | base64 -w 0; echo
  [ -s "$c/label" ] && base64 -w 0 "$c/label"; echo
  ${options.ids === null ? 'echo; echo' : output}
done`;
}

/** What is done only to a command that runs. */
const whileRunning = (id: string, effect: string): string => `${background.find(id)}
if [ ! "$t" ]; then word=unknown
elif [ -s "$t/exit" ]; then word=ended
else
  i=0; while [ ! -s "$t/pid" ] && [ $i -lt 50 ]; do sleep 0.02; i=$((i+1)); done
  pid=; { read -r pid <"$t/pid"; }
  if [ ! "$pid" ]; then word=ended; else
${effect}
  fi
fi`;

/** How long a reader that does not read is waited for. */
const inputSeconds = 5;

/**
 * Answers `ok`, `unknown`, `ended`, `closed` (it has no input, or no longer), `unread` (it does not read what it was
 * given, of which a part may have come in), or as any claimed effect.
 */
export function inputScript(options: {
  readonly claim: EffectClaim | null;
  readonly id: string;
  readonly text: string;
  readonly isClosing: boolean;
  readonly isInterrupting: boolean;
}): string {
  const { id, text, isClosing, isInterrupting } = options;
  const needsInput = text !== '' || isClosing;
  const write = `printf %s ${quote(text)} >"$t/text"
    timeout ${inputSeconds} sh -c 'cat "$1" >"$2"' sh "$t/text" "$t/input" || word=unread
    rm -f "$t/text"`;
  const close = `{ read -r holder <"$t/holder"; kill "$holder"; rm -f "$t/input"; }`;
  return effectScript(
    options.claim,
    whileRunning(
      id,
      `    word=ok
    ${isInterrupting ? 'kill -INT "-$pid"' : ''}
    ${needsInput ? '[ -p "$t/input" ] || word=closed' : ''}
    ${text === '' ? '' : `if [ $word = ok ]; then ${write}; fi`}
    ${isClosing ? `if [ $word = ok ]; then ${close}; fi` : ''}`,
    ),
  );
}

/** How long a command may take to end by itself once it was told to, in steps of 50 ms. */
const graceSteps = 60;

/** Ends a command and all of its group: asks it to, then kills it. Answers as `inputScript`. */
export function endScript({
  claim,
  id,
}: {
  readonly claim: EffectClaim | null;
  readonly id: string;
}): string {
  return effectScript(
    claim,
    whileRunning(
      id,
      `    kill -TERM "-$pid"; kill -CONT "-$pid"
    i=0; while kill -0 "-$pid" && [ $i -lt ${graceSteps} ]; do sleep 0.05; i=$((i+1)); done
    kill -9 "-$pid"
    i=0; while [ ! -s "$t/exit" ] && [ $i -lt 50 ]; do sleep 0.02; i=$((i+1)); done
    word=ok`,
    ),
  );
}
