import type { MessagePart } from '@switchyard/protocol';
import { element } from '../element.ts';
import { icon } from '../icon.ts';
import { createQuestionView, createResultView } from './ending-views.ts';
import { fileChip } from './file-chip.ts';
import { hiddenView, type PartActions, type PartView } from './part-view.ts';
import { previewCard } from './preview-card.ts';
import { createReasoningView } from './reasoning-view.ts';
import { createTextView } from './text-view.ts';
import { isToolPart, toolNameOf } from './tool-part.ts';
import { createToolView } from './tool-view.ts';

/** The view of an assistant's part. Parts of a kind that is not known here are not shown. */
export function createPartView(part: MessagePart, actions: PartActions): PartView {
  if (isToolPart(part)) {
    switch (toolNameOf(part)) {
      // The plan has its own place.
      case 'todo':
        return hiddenView((other) => isToolPart(other) && toolNameOf(other) === 'todo');
      case 'complete':
        return createResultView();
      case 'ask':
        return createQuestionView(actions);
      default:
        return createToolView(part, actions);
    }
  }
  switch (part.type) {
    case 'text':
      return createTextView();
    case 'reasoning':
      return createReasoningView();
    case 'data-notice':
      return fixedView(part, element('p', { class: 'notice' }, icon('alert'), part.data.text));
    case 'data-summary': {
      const text = 'The conversation had grown long: the agent goes on from a summary of it.';
      return fixedView(part, element('p', { class: 'notice' }, icon('alert'), text));
    }
    case 'data-model': {
      const text = `${part.data.model} stands in here: the run’s own model had too much to do.`;
      return fixedView(part, element('p', { class: 'notice' }, icon('alert'), text));
    }
    case 'data-steering':
      return fixedView(part, element('div', { class: 'asked steering' }, element('p', {}, part.data.text)));
    case 'data-file': {
      const { path } = part.data;
      return fixedView(
        part,
        fileChip(part.data, () => actions.openFile(path)),
      );
    }
    case 'file':
      return fixedView(part, fileChip({ name: part.filename ?? part.mediaType, size: null }, null));
    case 'data-preview':
      return fixedView(
        part,
        previewCard(part.data, (port) => actions.addressOfPort(port)),
      );
    default:
      return hiddenView((other) => other.type === part.type);
  }
}

/** A part that does not change once it is there. */
function fixedView(part: MessagePart, shown: HTMLElement): PartView {
  const text = JSON.stringify(part);
  return { element: shown, fits: (other) => JSON.stringify(other) === text, update: () => undefined };
}
