import { createHash } from 'node:crypto';
import { useRoom } from './shell-text.ts';

/** How many commands may run in the background of one sandbox at a time. A guess: servers, watchers, builds. */
export const maxBackgroundCommands = 16;
/** One that prints more is killed: its output fills the sandbox's /tmp. */
export const maxBackgroundBytes = 32 * 1024 * 1024;
/** Outputs of commands that have ended take no more of the sandbox's memory than this, the latest first. */
const maxLogBytes = 128 * 1024 * 1024;

/** A reader, for instance a thread, as a file name. */
export function readerKey(readerId: string): string {
  return createHash('sha256').update(readerId).digest('hex').slice(0, 16);
}

/**
 * The places of commands that go on in the background: a file of the call's name in one folder says that it is one;
 * in the call's own place are what it is shown as, its input, and what each reader has seen of its output.
 */
export const background = {
  /** Sets `$running`. */
  count: `running=0; for b in "$claims/background/"*; do [ -e "$b" ] && [ ! -s "$claims/\${b##*/}/exit" ] && running=$((running+1)); done`,
  mark: `[ -d "$claims/background" ] || mkdir -p "$claims/background"; : >"$claims/background/\${c##*/}"`,
  /** Sets `$t` to the place of the command with that id, or to nothing. */
  find: (id: string): string =>
    `t=; for b in "$claims/background/call-${id}"*; do [ -e "$b" ] && t=$claims/\${b##*/}; done`,
} as const;

/**
 * Defines `guard`, which ends the process group that is its argument when the call's output is too large, and `curb`, which
 * takes from such an output what is too much, since a fast one fills its place before anybody looks.
 */
export const guard = `curb() { [ "$(wc -c <"$o")" -le ${maxBackgroundBytes} ] || {
  echo flooded >"$c/exit"; [ ! "$1" ] || kill -9 "-$1"; truncate -s ${maxBackgroundBytes} "$o"; }; }
guard() { while sleep 1; do [ -s "$c/exit" ] && break; curb "$1"; done; curb; }`;

/**
 * Notes the process of a call. Who wants it to end writes that first and looks for the process then: one of the two
 * sees the other. Before `setsid` has done its work there is no group of that name.
 */
export const notePid = (pid: string): string => `echo ${pid} >"$c/pid"
    if [ -s "$c/exit" ]; then kill -9 "-${pid}" || kill -9 "${pid}"; fi`;

/** Notes how a call ended, unless somebody has said so before. */
export const noteExit = `if [ ! -s "$c/exit" ]; then ${useRoom}; echo $code >"$c/exit"; fi`;

/**
 * Defines `record` for a command in the background. Its input is a pipe that a process of its own holds open, so that it
 * does not end between two writers; to end that process is to close the input.
 */
export const startInBackground = (start: string): string => `${background.mark}
  mkfifo "$c/input"
  ${guard}
  record() {
    exec 8<>"$c/input"
    sleep 2147483647 </dev/null >/dev/null &
    echo $! >"$c/holder"
    setsid ${start} >>"$o" 2>&1 <"$c/input" 8>&- &
    pid=$!; ${notePid('$pid')}; exec 8>&-
    guard $pid </dev/null >/dev/null &
    wait $pid; code=$?
    curb
    ${noteExit}
    read -r holder <"$c/holder"; kill "$holder"; rm -f "$c/input"
  }`;

/** Removes the oldest outputs of commands that have ended, as far as all take too much. Goes on by itself. */
export const pruneLogs = `{ find "$outputs" -maxdepth 1 -type f -name 'call-*' -printf '%T@ %s %f\\n' | sort -rn | {
  total=0
  while read -r time size name; do
    total=$((total + size + 4096))
    [ $total -gt ${maxLogBytes} ] && [ -s "$claims/$name/exit" ] && rm -f "$outputs/$name"
  done
}; } </dev/null >/dev/null &`;
