import { effectScript, type EffectClaim } from './claimed-effect.ts';
import { remember, type SeenKey, seenFile, versionOfFile } from './seen-files.ts';
import { containment, look, quote, useRoom } from './shell-text.ts';

/** Where the bytes of a file come from. */
export type ContentSource =
  /** Without NUL, which no shell text holds. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'inline'; readonly base64: string }
  /** A piece of the uploaded file. */
  | { readonly kind: 'uploaded'; readonly offset: number; readonly length: number };

/** `path` is absolute. `expected` is a version, `absent`, or null for whatever stands there. */
export type ScriptChange =
  | {
      readonly kind: 'write';
      readonly path: string;
      /** Of a file that is not there yet, or of any. */
      readonly mode: number;
      readonly isModeForced: boolean;
      readonly source: ContentSource;
      readonly expected: string | null;
      /** Who has seen the new content, and which version it is. */
      readonly seen: { readonly key: SeenKey; readonly version: string } | null;
      /** Only a file, and only as `seen` saw it last, if he did; the answer tells of it. Of a single change. */
      readonly replaced: { readonly resultJson: string | null } | null;
    }
  | {
      readonly kind: 'remove';
      readonly path: string;
      readonly expected: string | null;
      /** A folder goes with all that is in it; else only an empty one. */
      readonly isRecursive: boolean;
      readonly seen: SeenKey | null;
    };

export interface ChangeScriptOptions {
  readonly claim: EffectClaim | null;
  readonly root: string;
  readonly nonce: string;
  readonly changes: readonly ScriptChange[];
  /** Holds the contents that are not inline; removed in any case, but by a repetition of who is still at it. */
  readonly uploadPath: string | null;
}

/** Of a file that is replaced, its beginning. */
const maxReplacedBytes = 64 * 1024;

/**
 * The words of the script. `place` goes to the folder of a path, makes what is missing of it (`$made`, newest first),
 * and sets `$folder`, `$n` and what `look` sets; each part is entered and looked at before the next is made in it. `at`
 * goes back to such a folder, if it still is the same. Each word returns false and sets `$word` when it cannot be done.
 */
export const changeWords = `umask 022
made=
${look}
enter() {
  if [ ! -d "$1" ]; then
    if [ -e "$1" ] || [ -L "$1" ] || [ ! "$1" ]; then word=no-folder; return 1; fi
    enter "\${1%/*}" || return 1
    if mkdir -- "./\${1##*/}"; then made="$here/\${1##*/}
$made"; fi
    cd -- "./\${1##*/}" || { word=no-folder; return 1; }
  else cd -- "$1" || { word=denied; return 1; }; fi
  look || { word=outside; return 1; }
}
place() {
  n=./\${1##*/}
  enter "\${1%/*}" || return 1
  folder=$here
  [ -w . ] || { word=denied; return 1; }
}
at() {
  word=failed
  cd -- "$1" && here && [ "$here" = "$1" ]
}
expect() {
  if [ ! -e "$n" ] && [ ! -L "$n" ]; then v=absent
  elif [ -f "$n" ]; then version "$n" "$size"
  else v=other; fi
  [ "$v" = "$1" ] || { word=stale; return 1; }
}
as_seen() {
  [ -e "$n" ] || return 0
  [ -f "$n" ] || { word=not-a-file; return 1; }
  last=; { read -r last <"$1"; }
  [ ! "$last" ] || expect "$last" || return 1
  if [ "$size" -le ${maxReplacedBytes} ]; then answer_line=$(base64 -w 0 <"$n")
  else answer_line=$(head -c ${maxReplacedBytes} -- "$n" | base64 -w 0); fi
  outcome='ok replaced'
}
why() {
  # By SIGXFSZ, which is no error text; else it is written once more, by a program whose words are known.
  [ "$1" = 153 ] && { word=too-large; return; }
  case $({ content | LC_ALL=C cat >"$new"; } 2>&1) in
    *'No space left'*|*'uota exceeded'*) word=full;;
    *'File too large'*) word=too-large;;
  esac
}
stage_write() {
  target=$1
  [ -L "$target" ] && target=$(readlink -f -- "$target")
  place "$target" || return 1
  [ -d "$n" ] && { word=is-folder; return 1; }
  [ ! "$2" ] || expect "$2" || return 1
  [ ! "$5" ] || as_seen "$5" || return 1
  word=failed
  [ "$mode" ] && [ ! "$4" ] || mode=$3
  content >"$new" || { why $?; return 1; }
  [ "$mode" = 644 ] || chmod "$mode" -- "$new"
}
stage_remove() {
  [ -d "\${1%/*}" ] || { word=not-found; return 1; }
  place "$1" || return 1
  [ -e "$n" ] || [ -L "$n" ] || { word=not-found; return 1; }
  [ ! "$2" ] || expect "$2" || return 1
  if [ ! "$3" ] && [ -d "$n" ] && [ ! -L "$n" ] && [ "$(find "$n" -mindepth 1 -maxdepth 1 -print -quit)" ]; then
    word=not-empty; return 1
  fi
}
keep() { if [ -e "$1" ] || [ -L "$1" ]; then ln -P -- "$1" "$2" || cp -pP -- "$1" "$2"; fi; }`;

/** Where there is no such program changes may meet, as they may with any command. */
const lock = `[ -d "$outputs" ] || mkdir -p "$outputs"
command exec 8>>"$outputs/changes"
if command -v flock >/dev/null && ! flock -w 20 8; then word='busy 0'; fi`;

/** A single change that depends on nothing needs none. */
function neededLock([change, ...others]: readonly ScriptChange[]): string {
  if (!change || others.length > 0 || change.expected !== null) return lock;
  return change.kind === 'write' && change.replaced ? lock : '';
}

function contentOf(source: ContentSource, uploadPath: string | null): string {
  switch (source.kind) {
    case 'text':
      return `printf %s ${quote(source.text)}`;
    case 'inline':
      return `printf %s ${quote(source.base64)} | base64 -d`;
    case 'uploaded':
      return `tail -c +${source.offset + 1} -- ${quote(uploadPath ?? '')} | head -c ${source.length}`;
  }
}

/** Checks that a change can be made, and puts what is new beside what it will replace. */
function stage(change: ScriptChange, index: number, options: ChangeScriptOptions): string {
  const expected = quote(change.expected ?? '');
  const path = quote(change.path);
  const names = `new=./.switchyard-${options.nonce}-${index}`;
  const done = `f${index}=$folder; n${index}=$n; staged="${index} $staged"`;
  switch (change.kind) {
    case 'write':
      return `${names}
content() { ${contentOf(change.source, options.uploadPath)}; }
f${index}=; stage_write ${path} ${expected} ${change.mode.toString(8)} ${change.isModeForced ? 'yes' : "''"} ${change.replaced && change.seen ? seenFile(change.seen.key) : "''"} || { f${index}=$folder; return 1; }
${done}`;
    case 'remove':
      return `stage_remove ${path} ${expected} ${change.isRecursive ? 'yes' : "''"} || return 1
${done}`;
  }
}

/** One rename; what was there stays beside it until all changes are made. */
function apply({ kind }: ScriptChange, index: number, nonce: string): string {
  const [place, name] = [`"$f${index}"`, `"$n${index}"`];
  const [added, old] = [`./.switchyard-${nonce}-${index}`, `./.switchyard-${nonce}-${index}-old`];
  const steps =
    kind === 'write' ? `keep ${name} ${old} && mv -fT -- ${added} ${name}` : `mv -fT -- ${name} ${old}`;
  return `at ${place} && ${steps} || return 1; applied=$((applied+1))`;
}

function undo({ kind }: ScriptChange, index: number, nonce: string): string {
  const name = `"$n${index}"`;
  const old = `./.switchyard-${nonce}-${index}-old`;
  const back =
    kind === 'write'
      ? `if [ -e ${old} ] || [ -L ${old} ]; then mv -fT -- ${old} ${name}; else rm -f -- ${name}; fi`
      : `mv -fT -- ${old} ${name}`;
  return `[ $applied -gt ${index} ] && at "$f${index}" && { ${back}; }`;
}

/** What is recorded of a change that could not know before what it would find, in the room that is kept for it. */
function noteReplaced(change: ScriptChange, claim: EffectClaim | null): string {
  const resultJson = change.kind === 'write' ? (change.replaced?.resultJson ?? null) : null;
  if (resultJson === null || claim === null) return '';
  return `${useRoom}
  [ "$outcome" = ok ] || printf %s ${quote(resultJson)} >"$c/result"`;
}

/** One change is one rename anyway: nothing has to be kept for a way back. */
function singleEffect(change: ScriptChange, { nonce, claim }: ChangeScriptOptions): string {
  const [added, old] = [`./.switchyard-${nonce}-0`, `./.switchyard-${nonce}-0-old`];
  const effect =
    change.kind === 'write'
      ? `mv -fT -- ${added} "$n"`
      : `if [ -d "$n" ] && [ ! -L "$n" ]; then mv -fT -- "$n" ${old} && rm -rf -- ${old}; else rm -f -- "$n"; fi`;
  return `if stage && ${effect}; then
  word=$outcome
  ${noteReplaced(change, claim)}
else
  [ "$word" ] || word=failed
  word="$word 0"; answer_line=; here && rm -f -- ${added}
  ${takeBackFolders}
fi`;
}

const takeBackFolders = `printf %s "$made" | while IFS= read -r folder; do rmdir -- "$folder"; done`;

function severalEffects({ changes, nonce }: ChangeScriptOptions): string {
  const indexed = changes.map((change, index) => [change, index] as const);
  const remove = (suffix: string): string =>
    indexed
      .map(([, index]) => `  at "$f${index}" && rm -rf -- ./.switchyard-${nonce}-${index}${suffix}`)
      .join('\n');
  return `apply() {
${indexed.map(([change, index]) => `number=${index}; ${apply(change, index, nonce)}`).join('\n')}
}
if stage && apply; then
${remove('-old')}
  word=ok
else
  why="$word $number"
  ${indexed
    .toReversed()
    .map(([change, index]) => undo(change, index, nonce))
    .join('\n  ')}
${remove('')}
  ${takeBackFolders}
  word=$why
fi`;
}

/**
 * Makes all changes or none: every new content is put beside its place first, then each is renamed into it. One after
 * the other, sandbox-wide, so that no version changes between its check and its replacement by such a script. Answers
 * `ok`, `ok replaced` and a line with the beginning of what was there, or a word and the number of the change, from 0, that could not be made: `not-found`, `is-folder`, `not-empty`,
 * `no-folder`, `denied`, `outside`, `stale`, `busy`, `full`, `too-large`, `failed`.
 */
export function changeScript(options: ChangeScriptOptions): string {
  const { changes, root, uploadPath } = options;
  const notes = changes.flatMap((change) => {
    if (!change.seen) return [];
    return change.kind === 'write'
      ? [remember(change.seen.key, change.seen.version)]
      : [`rm -f ${seenFile(change.seen)}`];
  });
  return effectScript(
    options.claim,
    `${containment(root)}
${versionOfFile}
${changeWords}
stage() {
${changes.map((change, index) => `number=${index}\n${stage(change, index, options)}`).join('\n')}
}
applied=0; number=0; outcome=ok
${neededLock(changes)}
if [ "$word" ]; then :; else
${changes.length === 1 ? singleEffect(changes[0] as ScriptChange, options) : severalEffects(options)}
fi
if [ "\${word%% *}" = ok ]; then :
${notes.join('\n')}
fi`,
    uploadPath,
  );
}
