import type { IconName } from '../icon.ts';

/** What a call is about, for one line: `Write` `report.md`. */
export interface CallWords {
  readonly icon: IconName;
  readonly verb: string;
  /** Shown as code; empty while it is not known. */
  readonly subject: string;
}

/** The words for a call; a tool that is not known here is shown by its name and its first text. */
export function wordsOfCall(toolName: string, input: unknown): CallWords {
  const given = membersOf(input);
  const text = (name: string) => (typeof given[name] === 'string' ? given[name] : '');
  switch (toolName) {
    case 'shell':
      return {
        icon: 'terminal',
        verb: given['background'] === true ? 'Start' : 'Run',
        subject: oneLine(text('command')),
      };
    case 'shell_check':
      return { icon: 'terminal', verb: 'Look at', subject: oneLine(listOf(given['ids'])) || 'commands' };
    case 'shell_input':
      return { icon: 'terminal', verb: 'Type', subject: oneLine(text('text')) || text('key') };
    case 'shell_kill':
      return { icon: 'terminal', verb: 'End', subject: text('id') };
    case 'read_file':
      return { icon: 'file', verb: 'Read', subject: text('path') };
    case 'write_file':
      return { icon: 'edit', verb: 'Write', subject: text('path') };
    case 'str_replace':
      return { icon: 'edit', verb: 'Edit', subject: text('path') };
    case 'apply_patch':
      return { icon: 'edit', verb: 'Edit', subject: filesOfPatch(text('patch')).join(', ') };
    case 'move':
      return { icon: 'file', verb: 'Move', subject: `${text('from')} → ${text('to')}` };
    case 'list_files':
      return { icon: 'folder', verb: 'List', subject: text('path') || 'workspace' };
    case 'expose_port':
      return {
        icon: 'panel',
        verb: 'Show',
        subject: typeof given['port'] === 'number' ? `port ${given['port']}` : '',
      };
    case 'delete':
      return { icon: 'trash', verb: 'Delete', subject: textsOf(given['paths']).join(', ') };
    case 'grep':
    case 'glob':
      return { icon: 'search', verb: 'Search', subject: text('pattern') };
    case 'web_search':
      return { icon: 'search', verb: 'Search the web', subject: text('query') };
    default: {
      const first = Object.values(given).find((value) => typeof value === 'string');
      return {
        icon: 'tool',
        verb: toolName.replaceAll('_', ' '),
        subject: oneLine(typeof first === 'string' ? first : ''),
      };
    }
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The files that a patch names, in either of its forms; a new name of a moved one is left out. */
function filesOfPatch(patch: string): string[] {
  const heads = patch.matchAll(/^(?:\*\*\* (?:Add|Update|Delete) File: |\+\+\+ (?:b\/)?)(\S[^\t\n]*)/gm);
  return [...new Set([...heads].map(([, name = '']) => name.trim()))];
}

/** How a call ended, in a few words; whether its result reads as a failure. */
export function wordsOfResult(output: unknown): { readonly text: string; readonly isFailure: boolean } {
  const result = membersOf(output);
  if (result['running'] === true) {
    const text = result['timedOut'] === true ? 'goes on in the background' : 'runs in the background';
    return { text, isFailure: false };
  }
  const state = Array.isArray(result['commands']) ? membersOf(result['commands'][0]) : result;
  if (typeof state['status'] === 'string') return wordsOfState(state);
  if (result['timedOut'] === true) return { text: 'timed out', isFailure: true };
  if (typeof result['exitCode'] === 'number') {
    const { exitCode } = result;
    return exitCode === 0
      ? { text: '', isFailure: false }
      : { text: `exit code ${exitCode}`, isFailure: true };
  }
  if (result['exitCode'] === null) return { text: 'killed', isFailure: true };
  if (typeof result['replacements'] === 'number') {
    const count = result['replacements'];
    return { text: count === 1 ? '1 place' : `${count} places`, isFailure: false };
  }
  if (result['outcome'] === 'overwritten') return { text: 'overwritten', isFailure: false };
  // Tools that answer with a listing say in brackets what it is.
  const title = /^\[[^\n]*?: ([^\n]*)\]/.exec(textOfResult(output))?.[1];
  return { text: title?.split(';')[0] ?? '', isFailure: false };
}

/** How a command in the background is. That somebody ended it is no failure of who looks. */
function wordsOfState({ status, exitCode }: Readonly<Record<string, unknown>>) {
  const text = status === 'exited' ? `exit code ${String(exitCode)}` : String(status);
  return { text, isFailure: false };
}

/** The result's own text, else its JSON. */
export function textOfResult(output: unknown): string {
  if (typeof output === 'string') return output;
  const result = membersOf(output);
  if (Array.isArray(result['commands'])) return result['commands'].map(textOfCommand).join('\n');
  for (const name of ['output', 'content', 'text', 'message']) {
    if (typeof result[name] === 'string') return result[name];
  }
  return output === undefined ? '' : JSON.stringify(output, null, 2);
}

function textOfCommand(value: unknown): string {
  const { id, status, command, output } = membersOf(value);
  return `${String(id)} (${String(status)}): ${String(command)}\n${typeof output === 'string' ? output : ''}`;
}

export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function listOf(value: unknown): string {
  return Array.isArray(value) ? value.filter((member) => typeof member === 'string').join(', ') : '';
}

function oneLine(text: string): string {
  return text.slice(0, 300).replaceAll(/\s+/g, ' ').trim();
}
