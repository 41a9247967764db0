import type { SwitchyardMessage } from '@switchyard/protocol';
import { element } from './element.ts';
import { fileChip } from './parts/file-chip.ts';
import type { PartActions } from './parts/part-view.ts';

/** What a person asked, as it was written, with the files that came along. */
export function userMessageView(
  { parts }: Pick<SwitchyardMessage, 'parts'>,
  actions: Pick<PartActions, 'openFile'> | null,
): HTMLElement {
  const texts = parts.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  const files = parts.flatMap((part) => {
    if (part.type === 'data-file') {
      const { path } = part.data;
      return [fileChip(part.data, actions && (() => actions.openFile(path)))];
    }
    return part.type === 'file'
      ? [fileChip({ name: part.filename ?? part.mediaType, size: null }, null)]
      : [];
  });
  return element(
    'article',
    { class: 'message is-user', 'aria-label': 'You' },
    texts.length > 0 && element('div', { class: 'asked' }, ...texts.map((text) => element('p', {}, text))),
    files.length > 0 && element('div', { class: 'files-sent' }, ...files),
  );
}
