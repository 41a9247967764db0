import { element } from '../element.ts';
import { iconOfFile } from '../file-kind.ts';
import { formatBytes } from '../format.ts';
import { icon } from '../icon.ts';

/** A file in one line. Its name may be written in any direction, so it is kept apart from the text around it. */
export function fileChip(
  { name, size }: { readonly name: string; readonly size: number | null },
  onOpen: (() => void) | null,
): HTMLElement {
  const content = [
    icon(iconOfFile(name)),
    element('bdi', { class: 'file-name' }, name),
    size === null ? null : element('span', { class: 'file-size' }, formatBytes(size)),
  ];
  if (!onOpen) return element('span', { class: 'file-chip' }, ...content);
  return element(
    'button',
    { type: 'button', class: 'file-chip', title: `Show ${name}`, on: { click: onOpen } },
    ...content,
  );
}
