import { effectScript, type EffectClaim } from './claimed-effect.ts';
import { remember, type SeenKey, seenFile, versionOfFile } from './seen-files.ts';
import { containment, prologue, quote, say } from './shell-text.ts';

/** A path that a script works on; both absolute. */
export interface ScriptPath {
  readonly path: string;
  /** What it must not leave, by no link. */
  readonly root: string;
}

/** Goes to the folder of a path, and sets `$n` to the last part of it. */
function toFolder({ path, root }: ScriptPath): string {
  const end = path.lastIndexOf('/');
  const [folder, name] = path === root ? [root, '.'] : [path.slice(0, end), path.slice(end + 1)];
  return `${containment(root)}
[ -d ${quote(folder)} ] && cd -- ${quote(folder)} || ${say('not-found')}
here || ${say('outside')}
n=${quote(`./${name}`)}`;
}

/** Answers `ok`, `not-found`, `outside` or `failed`. */
export function removeScript({
  claim,
  ...path
}: ScriptPath & { readonly claim: EffectClaim | null }): string {
  return effectScript(
    claim,
    `${containment(path.root)}
f=${quote(path.path)}
if [ ! -d "\${f%/*}" ] || ! cd -- "\${f%/*}"; then word=not-found
elif ! here; then word=outside
else
  n=./\${f##*/}
  if [ ! -e "$n" ] && [ ! -L "$n" ]; then word=not-found
  elif rm -rf -- "$n"; then word=ok; else word=failed; fi
fi`,
  );
}

/**
 * Answers `not-found`, `is-folder`, `not-a-file`, `denied`, `outside`, or `file <size> <version> <version last seen>
 * <stamp>` and a line of bytes; the versions are `-` when none is asked for or known. What is read is the file that was
 * opened.
 */
export function readScript({
  path,
  root,
  offset,
  length,
  seen,
}: ScriptPath & {
  readonly offset: number;
  readonly length: number;
  readonly seen: { readonly key: SeenKey; readonly isRemembered: boolean } | null;
}): string {
  // Most files are read whole, and each program that is started costs a millisecond: one tells of the file that is its
  // standard input both where the kernel found it and what it is.
  const slice =
    offset === 0
      ? `if [ "$size" -le ${length} ]; then base64 -w 0 <&3; else head -c ${length} <&3 | base64 -w 0; fi`
      : `tail -c +${offset + 1} -- /proc/self/fd/3 | head -c ${length} | base64 -w 0`;
  const versions = ({ key, isRemembered }: NonNullable<typeof seen>): string => `${versionOfFile}
version /proc/self/fd/3 "$size"
[ -s ${seenFile(key)} ] && read -r last <${seenFile(key)}
${isRemembered ? remember(key, '"$v"') : ''}`;
  return `${prologue}
${containment(root)}
f=${quote(path)}
[ -e "$f" ] || ${say('not-found')}
[ -d "$f" ] && ${say('is-folder')}
[ -f "$f" ] || ${say('not-a-file')}
[ -r "$f" ] && command exec 3<"$f" || ${say('denied')}
stamp=$(QUOTING_STYLE=literal stat -c '%s %i-%s-%.9Z %N' -- /proc/self/fd/0 - <&3)
link=\${stamp%"$line"*}
inside "\${link#* -> }" || ${say('outside')}
stamp=\${stamp##*"$line"}; stamp=\${stamp% -}; size=\${stamp% *}
v=-; last=-
${seen ? versions(seen) : ''}
echo "SY1 file $size $v $last \${stamp#* }"
${slice}
echo`;
}

/** Path, type, size, time of modification, permission bits; NUL ends an entry, a path may hold anything else. */
const entryFormat = String.raw`'%P %y %s %T@ %m\0'`;

/** Answers `not-found`, `outside`, or `entry` and a line with the entry (its path empty). */
export function statScript(path: ScriptPath): string {
  return `${prologue}
${toFolder(path)}
[ -e "$n" ] || [ -L "$n" ] || ${say('not-found')}
echo 'SY1 entry'
find "$n" -maxdepth 0 -printf ${entryFormat} | base64 -w 0
echo`;
}

/**
 * Answers `not-found`, `not-a-folder`, `outside`, or `entries` and a line of at most `maxEntries` + 1 entries, sorted.
 */
export function listScript({
  path,
  root,
  depth,
  maxEntries,
}: ScriptPath & { readonly depth: number; readonly maxEntries: number }): string {
  return `${prologue}
${containment(root)}
f=${quote(path)}
[ -e "$f" ] || ${say('not-found')}
[ -d "$f" ] || ${say('not-a-folder')}
cd -- "$f" || ${say('denied')}
here || ${say('outside')}
echo 'SY1 entries'
find . -mindepth 1 -maxdepth ${depth} -printf ${entryFormat} | LC_ALL=C sort -z | head -z -n ${maxEntries + 1} | base64 -w 0
echo`;
}
