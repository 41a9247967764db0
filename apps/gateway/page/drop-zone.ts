import { element } from './element.ts';
import { icon } from './icon.ts';

/** Takes files that are dropped anywhere on the page until the signal aborts; while they are held over it, says so. */
export function createDropZone(onFiles: (files: readonly File[]) => void, signal: AbortSignal): HTMLElement {
  const zone = element(
    'div',
    { class: 'drop-zone', hidden: true },
    element('div', {}, icon('attach'), element('p', {}, 'Drop files to attach them to the task')),
  );
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
  // Entering a child leaves its parent: only their difference tells when the page itself was left.
  let depth = 0;
  addEventListener(
    'dragenter',
    (event) => {
      if (!hasFiles(event)) return;
      depth += 1;
      zone.hidden = false;
    },
    { signal },
  );
  addEventListener(
    'dragleave',
    (event) => {
      if (!hasFiles(event)) return;
      depth = Math.max(0, depth - 1);
      zone.hidden = depth === 0;
    },
    { signal },
  );
  addEventListener(
    'dragover',
    (event) => {
      if (hasFiles(event)) event.preventDefault();
    },
    { signal },
  );
  addEventListener(
    'drop',
    (event) => {
      if (!hasFiles(event)) return;
      // A browser would leave the page and show the file.
      event.preventDefault();
      depth = 0;
      zone.hidden = true;
      onFiles([...(event.dataTransfer?.files ?? [])]);
    },
    { signal },
  );
  return zone;
}
