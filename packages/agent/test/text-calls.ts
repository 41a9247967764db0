import { type ModelEntry, scriptedModel } from '@switchyard/protocol';
import { type Answer, startScriptedModel } from '@switchyard/stand-ins';
import type { ModelMessage } from 'ai';
import { z } from 'zod';
import { createAnswerChunks } from '../src/answer-chunks.ts';
import { createModels } from '../src/models.ts';
import { readAnswer } from '../src/read-answer.ts';
import { defineTool } from '../src/tool.ts';
import { createToolset } from '../src/toolset.ts';

/** The one that a model calls by text. */
export const tools = createToolset([
  defineTool({
    name: 'write',
    description: 'Writes a file.',
    inputSchema: z.object({
      path: z.string(),
      text: z.string().nullish(),
      count: z.number().optional(),
      deep: z.object({ on: z.boolean() }).optional(),
      mode: z.enum(['append', 'replace']).optional(),
      lines: z.array(z.string()).optional(),
    }),
    effect: 'once',
    needs: 'nothing',
    execute: async () => ({ outcome: 'ok', output: null }),
  }),
]);
const entry: ModelEntry = { ...scriptedModel, supports: { images: false, tools: 'xml' } };

/** The scripted server, and what comes of an answer of a model whose calls are text. */
export async function startTextCalls() {
  const server = await startScriptedModel();

  async function ask(answer: Answer, messages: ModelMessage[] = [], chunkMs = 20_000) {
    server.setScenario('it', {
      turns: [{ steps: [] }, { steps: [] }, answer].slice(-1 - messages.length / 2),
    });
    const models = createModels([entry], {
      openaiApiKey: null,
      openaiBaseUrl: null,
      anthropicApiKey: null,
      scriptedModelUrl: server.url,
    });
    const answerChunks = createAnswerChunks({ attempt: '1.1', knownTools: tools.names });
    const shown: {
      type: string;
      toolCallId?: string;
      delta?: string;
      input?: unknown;
      inputTextDelta?: string;
    }[] = [];
    const outcome = await readAnswer({
      request: {
        model: models(entry.id),
        instructions: 'Be brief.',
        messages: [{ role: 'user', content: '[[scenario:it]]' }, ...messages],
        toolSet: tools.forModel,
      },
      answer: answerChunks,
      maxOutputTokens: null,
      deadlines: { firstChunkMs: 20_000, chunkMs },
      signal: new AbortController().signal,
      show: async (...more) => {
        shown.push(...(more as typeof shown));
      },
    });
    return {
      outcome,
      shown,
      /** The inputs of the calls that would be run. */
      run: answerChunks.calls.flatMap(({ callId, problem }) =>
        problem === null
          ? [
              shown.find(({ type, toolCallId }) => type === 'tool-input-available' && toolCallId === callId)
                ?.input,
            ]
          : [],
      ),
      problems: answerChunks.calls.flatMap(({ problem }) => problem ?? []),
      log: server.requests.at(-1),
      calls: answerChunks.calls,
      inputs: shown.filter(({ type }) => type === 'tool-input-available').map(({ input }) => input),
      text: shown.flatMap(({ type, delta }) => (type === 'text-delta' ? [delta] : [])).join(''),
      request: server.requests.at(-1)?.body,
    };
  }

  return { ask, stop: async () => await server.stop() };
}
