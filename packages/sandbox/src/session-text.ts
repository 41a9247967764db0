import { createHash } from 'node:crypto';
import { quote } from './shell-text.ts';
import { workspaceRoot } from './workspace-path.ts';

/**
 * What a session's first command finds, so that programs which would ask somebody fail or go on at once. `CI` is not
 * among them: it makes package managers refuse to change their lock files, and test runners to write snapshots.
 * Python writes at once, so that what a command has printed can be seen while it runs.
 */
const firstVariables: Readonly<Record<string, string>> = {
  TERM: 'dumb',
  PAGER: 'cat',
  GIT_PAGER: 'cat',
  MANPAGER: 'cat',
  SYSTEMD_PAGER: 'cat',
  EDITOR: 'false',
  VISUAL: 'false',
  // Git then takes the text that it would have shown; a commit without one fails and says so.
  GIT_EDITOR: 'true',
  GIT_SEQUENCE_EDITOR: 'true',
  GIT_TERMINAL_PROMPT: '0',
  GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
  DEBIAN_FRONTEND: 'noninteractive',
  PIP_NO_INPUT: '1',
  npm_config_yes: 'true',
  PYTHONUNBUFFERED: '1',
};

/** A session's name as a file name: names may hold anything. */
export function sessionKey(session: string): string {
  return `session-${createHash('sha256').update(session).digest('hex').slice(0, 32)}`;
}

/** Where a session's folder and exported variables are kept: in memory, gone with the incarnation. */
const stateFile = (session: string, token: string): string =>
  `/tmp/.switchyard-${token}/${sessionKey(session)}`;

/**
 * Saves by a rename, and only what has changed, which bash sees without starting a program. Not for a command that goes
 * on in the background: the session has gone on without it.
 */
const saveText = [
  '__switchyard_save() { { set +x; [ -e "${__switchyard_call%/*}/background/${__switchyard_call##*/}" ] || {',
  'export PWD; export -p >|"$__switchyard_state.new" && {',
  '[ "$BASH_VERSION" ] && __switchyard_same || command -p mv -f "$__switchyard_state.new" "$__switchyard_state";',
  '}; }; } 2>/dev/null || :; };',
  '__switchyard_same() { local old new; IFS= read -r -d "" new <"$__switchyard_state.new";',
  'IFS= read -r -d "" old <"$__switchyard_state"; [ "$old" = "$new" ]; };',
].join(' ');

/** Goes to the session's folder without losing what `cd -` leads to. */
const enterFolder = (cwd: string | null): string =>
  cwd === null
    ? `set -- "$1" "$PWD" "$OLDPWD"; if cd -- "$2" 2>/dev/null; then OLDPWD=$3; else echo "[The session's folder $2 is gone; this runs in ${workspaceRoot}.]"; cd ${workspaceRoot}; fi;`
    : `cd -- ${quote(cwd)};`;

/**
 * The text of a shell that loads its session's folder and exported variables, runs its second argument, or else the file
 * `command` in its call's place, which is the first, and saves them at its end, by `exit` too. It is one line, so that the
 * command's lines have their own numbers. A command that becomes another program (`exec`), or that sets a trap for its end
 * and then leaves by `exit`, saves nothing.
 */
export function sessionText(options: {
  readonly session: string;
  readonly token: string;
  /** Absolute; null for the session's own folder. */
  readonly cwd: string | null;
}): string {
  const first = Object.entries(firstVariables).map(([name, value]) => `${name}=${quote(value)}`);
  return [
    `__switchyard_call=$1; __switchyard_state=${stateFile(options.session, options.token)};`,
    `${saveText} trap __switchyard_save EXIT; if [ "$#" = 1 ]; then set -- '. "$__switchyard_call/command"'; else shift; fi;`,
    `if [ -s "$__switchyard_state" ]; then { . "$__switchyard_state"; } 2>/dev/null; ${enterFolder(options.cwd)}`,
    `else export ${first.join(' ')}; fi; eval "set --; $1";`,
    // For a command whose own trap took the place of ours.
    `{ set -- "$?"; set +x; } 2>/dev/null; __switchyard_save; exit "$1"`,
  ].join(' ');
}

/** What starts the shell of a command: without any variables when its session brings them. */
export const sessionEnvironment = (session: string, token: string): string =>
  `isolated=; [ -s ${stateFile(session, token)} ] && isolated=-i`;
