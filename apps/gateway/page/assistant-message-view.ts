import type { MessagePart, SwitchyardMessage } from '@switchyard/protocol';
import { element } from './element.ts';
import { createPartView } from './parts/create-part-view.ts';
import type { PartActions, PartView } from './parts/part-view.ts';
import type { ToolView } from './parts/tool-view.ts';

/** An answer of the agent: its parts in order. */
export interface AssistantMessageView {
  readonly element: HTMLElement;
  /** Draws the message as it is now; parts that are the same objects as before are not touched. */
  update(message: SwitchyardMessage, isLive: boolean): void;
  /** Live output of a call, which never becomes part of the message. */
  appendOutput(toolCallId: string, text: string): void;
  /** Forgets everything: the message begins anew. */
  reset(): void;
}

export function createAssistantMessageView(actions: PartActions): AssistantMessageView {
  const root = element('div', { class: 'parts' });
  const views: PartView[] = [];
  let drawn: readonly MessagePart[] = [];
  let wasLive = false;

  function drawPart(part: MessagePart, index: number, isLive: boolean): void {
    const view = views[index];
    if (view?.fits(part)) {
      view.update(part, isLive);
      return;
    }
    const made = createPartView(part, actions);
    if (view) view.element.replaceWith(made.element);
    else root.append(made.element);
    views[index] = made;
    made.update(part, isLive);
  }

  return {
    element: root,
    update({ parts }, isLive) {
      parts.forEach((part, index) => {
        if (part !== drawn[index] || isLive !== wasLive) drawPart(part, index, isLive);
      });
      for (const extra of views.splice(parts.length)) extra.element.remove();
      drawn = parts;
      wasLive = isLive;
    },
    appendOutput(toolCallId, text) {
      const view = views.findLast(
        (candidate) => isToolView(candidate) && candidate.toolCallId === toolCallId,
      );
      if (view && isToolView(view)) view.appendOutput(text);
    },
    reset() {
      root.replaceChildren();
      views.length = 0;
      drawn = [];
    },
  };
}

function isToolView(view: PartView): view is ToolView {
  return 'toolCallId' in view;
}
