import type { ToolPart } from '@switchyard/protocol';
import { element } from '../element.ts';
import { codeView } from '../markdown/code-view.ts';
import { membersOf, textOfResult } from './tool-words.ts';

/** What is shown of one text; the rest can be seen in the file itself. */
const maxCharacters = 40_000;
const shortCommand = 60;

/** What a call was given and what it gave, as a person wants to read it. */
export function renderToolBody(
  toolName: string,
  part: ToolPart,
  terminal: HTMLElement | null,
): HTMLElement[] {
  const given = membersOf(part.input);
  const text = (name: string) => (typeof given[name] === 'string' ? given[name] : '');
  const shown: HTMLElement[] = [];
  switch (toolName) {
    case 'shell':
      // A short one is in the line above already.
      if (/\n/.test(text('command')) || text('command').length > shortCommand) {
        shown.push(element('pre', { class: 'command' }, text('command')));
      }
      if (terminal) shown.push(terminal);
      break;
    case 'write_file':
      shown.push(code(extensionOf(text('path')), text('content')));
      break;
    case 'str_replace':
      shown.push(changes(text('old_str'), text('new_str')));
      break;
    case 'read_file':
    case 'list_files':
      break;
    default:
      if (part.input !== undefined) shown.push(labelled('Given', jsonOf(part.input)));
      if (terminal) shown.push(terminal);
  }
  shown.push(...resultOf(toolName, part));
  return shown;
}

function resultOf(toolName: string, part: ToolPart): HTMLElement[] {
  switch (part.state) {
    case 'output-error':
      return [element('p', { class: 'tool-error' }, cut(part.errorText))];
    case 'output-available': {
      const note = membersOf(part.output)['note'];
      const remark = typeof note === 'string' ? [element('p', { class: 'tool-note' }, note)] : [];
      // A command's output is in its terminal; what a file became is above.
      if (['shell', 'write_file', 'str_replace'].includes(toolName)) return remark;
      return [labelled('Result', cut(textOfResult(part.output)))];
    }
    case 'output-denied':
      return [element('p', { class: 'tool-note' }, 'This call was not allowed, so it did not run.')];
    case 'input-streaming':
    case 'input-available':
    case 'approval-requested':
    case 'approval-responded':
      return [];
  }
}

/** The lines that went and the lines that came. */
function changes(removed: string, added: string): HTMLElement {
  const side = (text: string, mark: string, className: string) => {
    const lines = cut(text).replace(/\n$/, '').split('\n');
    return (
      text !== '' && element('pre', { class: className }, lines.map((line) => `${mark} ${line}`).join('\n'))
    );
  };
  return element('div', { class: 'changes' }, side(removed, '−', 'removed'), side(added, '+', 'added'));
}

function labelled(label: string, text: string): HTMLElement {
  return element(
    'div',
    { class: 'labelled' },
    element('span', { class: 'label' }, label),
    element('pre', {}, text),
  );
}

function code(language: string, text: string): HTMLElement {
  return codeView({ language, text: cut(text) }).element;
}

function jsonOf(value: unknown): string {
  return cut(JSON.stringify(value, null, 2));
}

function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : '';
}

function cut(text: string): string {
  if (text.length <= maxCharacters) return text;
  return `${text.slice(0, maxCharacters)}\n… ${text.length - maxCharacters} more characters`;
}
