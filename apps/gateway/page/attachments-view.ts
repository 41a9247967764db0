import { announce } from './announce.ts';
import { element, fill } from './element.ts';
import { iconOfFile } from './file-kind.ts';
import { formatBytes, plural } from './format.ts';
import { icon } from './icon.ts';

/** The API's own bounds of one request. */
const maxFiles = 20;
const maxBytes = 32_000_000;

export interface AttachmentsView {
  readonly element: HTMLElement;
  /** Adds files; answers what was wrong with them, or null. */
  add(files: readonly File[]): string | null;
  files(): readonly File[];
  clear(): void;
}

/** The files that go with the next task. */
export function createAttachmentsView(onChange: () => void): AttachmentsView {
  const root = element('ul', { class: 'attachments', hidden: true, 'aria-label': 'Attached files' });
  let files: readonly File[] = [];

  function draw(): void {
    root.hidden = files.length === 0;
    fill(root, ...files.map(chip));
    onChange();
  }

  function chip(file: File): HTMLElement {
    const remove = element(
      'button',
      {
        type: 'button',
        class: 'quiet',
        'aria-label': `Remove ${file.name}`,
        on: { click: () => drop(file) },
      },
      icon('close'),
    );
    return element(
      'li',
      { class: 'file-chip' },
      icon(iconOfFile(file.name)),
      element('bdi', { class: 'file-name' }, file.name),
      element('span', { class: 'file-size' }, formatBytes(file.size)),
      remove,
    );
  }

  function drop(file: File): void {
    files = files.filter((kept) => kept !== file);
    announce(`Removed ${file.name}.`);
    draw();
  }

  return {
    element: root,
    add(added) {
      const next = [...files, ...added];
      if (next.length > maxFiles) return `At most ${maxFiles} files go with one task.`;
      const size = next.reduce((sum, file) => sum + file.size, 0);
      if (size > maxBytes)
        return `The files are ${formatBytes(size)}; at most ${formatBytes(maxBytes)} go with one task.`;
      files = next;
      draw();
      announce(`${plural(added.length, 'file')} attached.`);
      return null;
    },
    files: () => files,
    clear() {
      files = [];
      draw();
    },
  };
}
