import type { Client } from '@switchyard/client';
import { wordsOfError } from '../api.ts';
import { element, fill } from '../element.ts';
import { imageTypeOf, kindOfFile } from '../file-kind.ts';
import { formatBytes, plural } from '../format.ts';
import { icon } from '../icon.ts';
import { createMarkdownView } from '../markdown/markdown-view.ts';
import { parseCsv } from './parse-csv.ts';

/** Text that is shown; more of it makes a page slow, and can be downloaded. */
const maxTextBytes = 200_000;
const maxRows = 200;
/** Of them; a guess: wider ones are not read on a page. */
const maxColumns = 200;
/** A file above this is not fetched to be looked at. */
const maxPreviewBytes = 20_000_000;

export interface FilePreview {
  readonly element: HTMLElement;
  close(): void;
}

/** Shows one file of the workspace: text, Markdown, a table or a picture; others can be downloaded. */
export function createFilePreview(
  api: Pick<Client, 'files'>,
  file: { readonly projectId: string; readonly path: string; readonly size: number | null },
  { onBack }: { readonly onBack: () => void },
): FilePreview {
  const { projectId, path } = file;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const urls: string[] = [];
  let bytes: Uint8Array<ArrayBuffer> | null = null;
  const back = element(
    'button',
    { type: 'button', class: 'quiet', 'aria-label': 'Back to the files', on: { click: onBack } },
    icon('back'),
  );
  const download = element(
    'button',
    { type: 'button', class: 'quiet', 'aria-label': `Download ${name}`, title: 'Download' },
    icon('download'),
  );
  const facts = element('span', { class: 'file-size' });
  const content = element('div', {
    class: 'preview-content',
    tabindex: 0,
    role: 'region',
    'aria-label': name,
  });
  const root = element(
    'section',
    { class: 'preview', 'aria-label': `File ${name}` },
    element('header', {}, back, element('bdi', { class: 'file-name', title: path }, name), facts, download),
    content,
  );

  function urlOf(type: string): string {
    const url = URL.createObjectURL(new Blob([bytes ?? ''], { type }));
    urls.push(url);
    return url;
  }

  async function read(): Promise<Uint8Array<ArrayBuffer>> {
    bytes ??= await api.files.read(projectId, path);
    return bytes;
  }

  async function show(): Promise<void> {
    if (file.size !== null && file.size > maxPreviewBytes) {
      fill(content, nothing(`${formatBytes(file.size)}: too large to show here. Download it instead.`));
      return;
    }
    fill(content, element('p', { class: 'loading' }, element('span', { class: 'spinner' }), 'Loading'));
    try {
      const found = await read();
      facts.textContent = formatBytes(found.byteLength);
      fill(content, ...render(name, found, urlOf));
    } catch (error) {
      fill(
        content,
        nothing(wordsOfError(error)),
        element('button', { type: 'button', class: 'plain', on: { click: () => void show() } }, 'Try again'),
      );
    }
  }

  async function save(): Promise<void> {
    try {
      await read();
      // As bytes, whatever it is: a browser saves it and never shows it as a page.
      element('a', { href: urlOf('application/octet-stream'), download: name }).click();
    } catch (error) {
      fill(content, nothing(wordsOfError(error)));
    }
  }

  download.addEventListener('click', () => void save());
  void show();
  return {
    element: root,
    close() {
      for (const url of urls) URL.revokeObjectURL(url);
    },
  };
}

function render(name: string, bytes: Uint8Array<ArrayBuffer>, urlOf: (type: string) => string): Node[] {
  if (bytes.byteLength === 0) return [nothing('The file is empty.')];
  const kind = kindOfFile(name);
  if (kind === 'image') return [element('img', { src: urlOf(imageTypeOf(name)), alt: name })];
  const text = textOf(bytes);
  if (text === null) return [nothing('This file has no preview. Download it to look at it.')];
  const cut = bytes.byteLength > maxTextBytes && note(`The first ${formatBytes(maxTextBytes)} are shown.`);
  const notes = cut ? [cut] : [];
  switch (kind) {
    case 'table':
      return [...tableOf(text), ...notes];
    case 'markdown': {
      const view = createMarkdownView();
      view.update(text);
      return [view.element, ...notes];
    }
    case 'text':
    case 'other':
      return [element('pre', { class: 'file-text' }, text), ...notes];
  }
}

/** The beginning of a file as text; null when it is no UTF-8. */
function textOf(bytes: Uint8Array<ArrayBuffer>): string | null {
  try {
    const isCut = bytes.byteLength > maxTextBytes;
    // A character that is cut at the end is no fault of the file.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, maxTextBytes), {
      stream: isCut,
    });
    return text.includes('\u0000') ? null : text;
  } catch {
    return null;
  }
}

function tableOf(text: string): HTMLElement[] {
  const { header, rows, hasMore } = parseCsv(text, { maxRows });
  const shown = header.slice(0, maxColumns);
  const table = element(
    'table',
    { class: 'csv' },
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        shown.map((name) => element('th', { scope: 'col' }, name)),
      ),
    ),
    element(
      'tbody',
      {},
      rows.map((row) =>
        element(
          'tr',
          {},
          row.slice(0, shown.length).map((cell) => element('td', {}, cell)),
        ),
      ),
    ),
  );
  const rowCount = hasMore ? `The first ${plural(rows.length, 'row')}` : plural(rows.length, 'row');
  const columnCount = `${shown.length < header.length ? `the first ${shown.length} of ` : ''}${plural(header.length, 'column')}`;
  return [note(`${rowCount}, ${columnCount}`), table];
}

function note(text: string): HTMLElement {
  return element('p', { class: 'preview-note' }, text);
}

function nothing(text: string): HTMLElement {
  return element('p', { class: 'preview-nothing' }, text);
}
