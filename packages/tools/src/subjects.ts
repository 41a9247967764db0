import { posix } from 'node:path';
import type { Subject } from '@switchyard/agent';
import { workspaceRoot } from '@switchyard/sandbox';

/** What rules about a path are compared with: relative to the workspace, however it was written; absolute outside of it. */
export function pathSubject(path: string): string {
  const absolute = posix.resolve(workspaceRoot, path);
  return absolute.startsWith(`${workspaceRoot}/`) ? absolute.slice(workspaceRoot.length + 1) : absolute;
}

/** The same of what may be a folder: whatever is done to it is done to all that is in it. */
export function folderSubject(path: string): Subject {
  const text = pathSubject(path);
  const hasAll = text === '/' || text === workspaceRoot;
  return { text, within: hasAll ? '' : `${text}/` };
}

/** Where one command of a shell text ends and another may begin; quotes are not looked at, so it finds too many. */
const separators = /[;&|\n()`{}<>]|\$\(/;
/** A variable of one command: it may change what the command does, down to the program that runs. */
const assignment = /^[A-Za-z_]\w*(?:\[[^\]\s]*\])?\+?=(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')*\s+/;
/** What stands in front of a command and changes nothing of what it is. */
const wrapper = /^(?:env|command|builtin|exec|nohup|time|then|do|else|!)\s+/;
/** More beginnings of one command than anybody writes; its bare end is a subject besides. A guess. */
const maxTexts = 32;

/**
 * The commands of a shell text, as far as text can tell: a convenience for rules and no wall, since a shell has more ways
 * to say a thing than any pattern knows. What cannot be told apart makes more subjects, which a rule that allows must fit.
 */
export function commandSubjects(command: string): (string | Subject)[] {
  return command
    .replaceAll('\\\n', ' ')
    .split(separators)
    .map((part) => part.trim().replaceAll(/\s+/g, ' '))
    .filter((text) => text !== '')
    .map(commandSubject);
}

/**
 * One command under every name that it has: as it was written, and without each of the words in front. Whoever allows it
 * must have named its variables.
 */
function commandSubject(written: string): string | Subject {
  const texts = [written];
  let bare = written;
  let allowed: string | null = null;
  for (;;) {
    const variable = assignment.exec(bare);
    if (variable) allowed ??= bare;
    const [front] = variable ?? wrapper.exec(bare) ?? [];
    if (front === undefined) break;
    bare = bare.slice(front.length);
    if (texts.length < maxTexts) texts.push(bare);
  }
  const text = allowed ?? bare;
  const otherTexts = [...new Set([...texts, bare])].filter((other) => other !== text);
  return otherTexts.length === 0 ? text : { text, otherTexts };
}
