import { type ModelEntry, type ModelWire, scriptedModel } from '@switchyard/protocol';

/** A way in which a model can be spoken to; the loop behaves the same over each. */
export interface ModelWay {
  readonly wire: ModelWire;
  readonly tools: ModelEntry['supports']['tools'];
}

/** Every wire, with calls of its own and with calls as text. */
export const ways: readonly ModelWay[] = (['chat', 'responses', 'messages'] as const).flatMap((wire) =>
  (['native', 'xml'] as const).map((tools) => ({ wire, tools })),
);

/** The scripted model, spoken to in that way. */
export function entryOf({ wire, tools }: ModelWay, more: Partial<ModelEntry> = {}): ModelEntry {
  return {
    ...scriptedModel,
    id: `scripted:${wire}-${tools}`,
    aliases: [],
    wire,
    supports: { images: false, tools },
    reasoning: wire === 'chat' ? 'dropped' : 'sealed',
    cache: wire === 'messages' ? 'markers' : 'automatic',
    ...more,
  };
}
