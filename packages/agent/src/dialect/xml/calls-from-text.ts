import type { LanguageModelMiddleware } from 'ai';
import { continuedTexts } from './continued-texts.ts';
import { createCallReader, type StreamPart } from './read-calls.ts';
import { withCallsAsText } from './write-calls.ts';

/**
 * For models that call no tools of themselves: the tools are told in the prompt, and calls are read out of the text.
 * What comes out is what a model with native calls would have streamed.
 */
export const callsAsText: LanguageModelMiddleware = {
  async wrapStream({ model, params }) {
    const streamed = await model.doStream(withCallsAsText(params));
    const reader = createCallReader({ tools: params.tools ?? [], continued: continuedTexts(params.prompt) });
    const transform = new TransformStream<StreamPart, StreamPart>({
      transform(part, controller) {
        const parts = reader.read(part);
        // A sign of life: what is held back shows nothing, and yet the model is not silent.
        if (parts.length === 0) parts.push({ type: 'ping' });
        for (const read of parts) controller.enqueue(read);
        // Which also ends the request: what is not read is not to be paid.
        if (reader.isOver) controller.terminate();
      },
    });
    return { ...streamed, stream: streamed.stream.pipeThrough(transform) };
  },
};
