import { posix } from 'node:path';
import { workspaceRoot } from '@switchyard/sandbox';

/** What rules about a path are compared with: relative to the workspace, however it was written; absolute outside of it. */
export function pathSubject(path: string): string {
  const absolute = posix.resolve(workspaceRoot, path);
  return absolute.startsWith(`${workspaceRoot}/`) ? absolute.slice(workspaceRoot.length + 1) : absolute;
}

/** Where one command of a shell text ends and another may begin; quotes are not looked at, so it finds too many. */
const separators = /[;&|\n()`{}<>]|\$\(/;
/** What stands in front of a command and changes nothing of what it is. */
const prefix = /^(?:[A-Za-z_]\w*=\S*|env|command|builtin|exec|nohup|time|then|do|else|!)\s+/;

/**
 * The commands of a shell text, as far as text can tell: a convenience for rules and no wall, since a shell has more ways
 * to say a thing than any pattern knows. What cannot be told apart makes more subjects, which a rule that allows must fit.
 */
export function commandSubjects(command: string): string[] {
  return command
    .replaceAll('\\\n', ' ')
    .split(separators)
    .map((part) => {
      let text = part.trim().replaceAll(/\s+/g, ' ');
      while (prefix.test(text)) text = text.replace(prefix, '');
      return text;
    })
    .filter((text) => text !== '');
}
