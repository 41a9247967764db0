import type { IconName } from './icon.ts';

/** How a file is shown. */
export type FileKind = 'text' | 'markdown' | 'image' | 'table' | 'other';

const textExtensions = new Set(
  (
    'txt log json jsonl ndjson yaml yml toml ini cfg conf env sh bash zsh py js mjs cjs ts mts tsx jsx css scss ' +
    'html htm xml svg sql go rs java kt c h cc cpp hpp rb php pl lua r swift diff patch gitignore dockerfile makefile lock'
  ).split(' '),
);
const imageTypes: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  bmp: 'image/bmp',
};

/** What a name says about a file. SVG is text here: as a picture it could carry more than a picture. */
export function kindOfFile(name: string): FileKind {
  const extension = extensionOf(name);
  if (extension in imageTypes) return 'image';
  if (extension === 'csv' || extension === 'tsv') return 'table';
  if (extension === 'md' || extension === 'markdown') return 'markdown';
  return textExtensions.has(extension) ? 'text' : 'other';
}

/** The media type under which an image's bytes are shown; never one that can hold a script. */
export function imageTypeOf(name: string): string {
  return imageTypes[extensionOf(name)] ?? 'application/octet-stream';
}

export function iconOfFile(name: string): IconName {
  switch (kindOfFile(name)) {
    case 'image':
      return 'image';
    case 'table':
      return 'table';
    case 'text':
    case 'markdown':
    case 'other':
      return 'file';
  }
}

function extensionOf(name: string): string {
  const base = name.slice(name.lastIndexOf('/') + 1).toLowerCase();
  return base.slice(base.lastIndexOf('.') + 1);
}
