import { createHash } from 'node:crypto';

/** What one reader, a thread, saw last of one file; both are names that are safe in a path. */
export interface SeenKey {
  readonly reader: string;
  readonly file: string;
}

/** Larger files are known by their identity and times: nobody edits them by text, and hashing them takes long. */
export const maxHashedBytes = 8 * 1024 * 1024;

const nameOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

/** `path` is absolute. */
export function seenKey(reader: string, path: string): SeenKey {
  return { reader: nameOf(reader), file: nameOf(path) };
}

/** The version of a content as `versionOfFile` would tell it, up to `maxHashedBytes`. */
export function versionOfBytes(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The place in the sandbox's memory; it vanishes with the incarnation. Shell text. */
export const seenFile = ({ reader, file }: SeenKey): string => `"$outputs/seen-${reader}/${file}"`;

/** Notes a version, given as one word of shell text. */
export const remember = (key: SeenKey, version: string): string => {
  const folder = `"$outputs/seen-${key.reader}"`;
  return `[ -d ${folder} ] || mkdir -p ${folder}
echo ${version} >${seenFile(key)}`;
};

/** Defines `version`, which sets `$v` to the version of the file `$1` of `$2` bytes. */
export const versionOfFile = `version() {
  if [ "$2" -le ${maxHashedBytes} ]; then v=$(sha256sum <"$1"); v=\${v%% *}
  else v=$(stat -L -c %i-%s-%.9Z -- "$1"); fi
}`;
