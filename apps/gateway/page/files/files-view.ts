import type { Client } from '@switchyard/client';
import type { WorkspaceEntry } from '@switchyard/protocol';
import { wordsOfError } from '../api.ts';
import { element, fill, setText } from '../element.ts';
import { iconOfFile } from '../file-kind.ts';
import { formatBytes } from '../format.ts';
import { icon } from '../icon.ts';
import { createFilePreview, type FilePreview } from './file-preview.ts';

export interface FilesView {
  readonly element: HTMLElement;
  /** Shows another project's workspace, or none. */
  setProject(projectId: string | null): void;
  /** Reads the folder again when it is on the screen. */
  refresh(): void;
  open(path: string): void;
}

/** The files of the workspace, folder by folder, and one of them in full. */
export function createFilesView(
  api: Pick<Client, 'files'>,
  { onClose, isShown }: { readonly onClose: () => void; readonly isShown: () => boolean },
): FilesView {
  const path = element('span', { class: 'files-path' }, 'Files');
  const up = element('button', { type: 'button', class: 'quiet', 'aria-label': 'Up' }, icon('back'));
  const again = element(
    'button',
    { type: 'button', class: 'quiet', 'aria-label': 'Read again', title: 'Read again' },
    icon('refresh'),
  );
  const close = element(
    'button',
    { type: 'button', class: 'quiet', 'aria-label': 'Close files', on: { click: onClose } },
    icon('close'),
  );
  const list = element('ul', { class: 'file-list' });
  const note = element('div', { class: 'files-note', role: 'status' });
  const folderView = element(
    'section',
    { class: 'folder' },
    element('header', {}, up, path, again, close),
    list,
    note,
  );
  const root = element('aside', { class: 'files', 'aria-label': 'Files' }, folderView);
  let projectId: string | null = null;
  let folder = '';
  let preview: FilePreview | null = null;
  let reading = 0;

  function closePreview(): void {
    if (!preview) return;
    preview.element.remove();
    preview.close();
    preview = null;
    folderView.hidden = false;
  }

  function open(filePath: string, size: number | null = null): void {
    if (projectId === null) return;
    closePreview();
    preview = createFilePreview(
      api,
      { projectId, path: filePath, size },
      {
        onBack() {
          closePreview();
          void read();
          again.focus();
        },
      },
    );
    folderView.hidden = true;
    root.append(preview.element);
    preview.element.querySelector('button')?.focus({ preventScroll: true });
  }

  function item(entry: WorkspaceEntry): HTMLElement {
    const name = entry.path.slice(entry.path.lastIndexOf('/') + 1);
    const isFolder = entry.kind === 'directory';
    const button = element(
      'button',
      { type: 'button', disabled: entry.kind === 'other' || entry.kind === 'link' },
      icon(isFolder ? 'folder' : iconOfFile(name)),
      element('bdi', { class: 'file-name' }, name),
      isFolder ? icon('chevron') : element('span', { class: 'file-size' }, formatBytes(entry.size)),
    );
    button.addEventListener('click', () => {
      if (!isFolder) open(entry.path, entry.size);
      else {
        folder = entry.path;
        void read();
      }
    });
    return element('li', {}, button);
  }

  async function read(): Promise<void> {
    reading += 1;
    const turn = reading;
    up.hidden = folder === '';
    setText(path, folder === '' ? 'Files' : folder);
    if (projectId === null) {
      fill(list);
      fill(note, ...emptyNote('Files of a task are shown here.'));
      return;
    }
    try {
      const { entries, isTruncated } = await api.files.list(projectId, folder === '' ? undefined : folder);
      if (turn !== reading) return;
      const folders = entries.filter(({ kind }) => kind === 'directory');
      fill(list, ...[...folders, ...entries.filter(({ kind }) => kind !== 'directory')].map(item));
      if (entries.length === 0) fill(note, ...emptyNote('No files yet. What the agent writes appears here.'));
      else if (isTruncated) fill(note, element('p', {}, 'There are more files than can be listed.'));
      else fill(note);
    } catch (error) {
      if (turn !== reading) return;
      fill(list);
      fill(note, ...emptyNote(wordsOfError(error)));
    }
  }

  up.addEventListener('click', () => {
    folder = folder.includes('/') ? folder.slice(0, folder.lastIndexOf('/')) : '';
    void read();
  });
  again.addEventListener('click', () => void read());
  return {
    element: root,
    setProject(next) {
      if (next === projectId) return;
      projectId = next;
      folder = '';
      closePreview();
      fill(list);
      fill(note);
      if (isShown()) void read();
    },
    refresh() {
      if (isShown() && !preview) void read();
    },
    open: (filePath) => open(filePath),
  };
}

function emptyNote(text: string): Node[] {
  return [icon('folder'), element('p', {}, text)];
}
