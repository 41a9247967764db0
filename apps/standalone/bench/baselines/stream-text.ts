import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { createToolset } from '@switchyard/agent';
import { allTools } from '@switchyard/tools';
import { isStepCount, jsonSchema, streamText, tool } from 'ai';
import { serve } from './listen.ts';
import { readBody } from './read-body.ts';

/**
 * The AI SDK's own loop and nothing around it: the same tools by name and schema, the one that the script calls answers
 * at once, and nothing is shown or stored. `stream-text.ts <model url>`; `POST /` with a prompt answers when the model
 * calls no more.
 */
const [modelUrl = ''] = process.argv.slice(2);
const model = createOpenAICompatible({
  name: 'bench',
  baseURL: `${modelUrl}/v1`,
  includeUsage: true,
}).chatModel('bench');
const { forModel } = createToolset(allTools);
const tools = {
  ...forModel,
  todo: tool({
    description: forModel['todo']?.description ?? '',
    inputSchema: forModel['todo']?.inputSchema ?? jsonSchema({}),
    execute: () => 'Plan saved: 1 done, 0 in progress, 0 open.',
  }),
};

await serve(async (request, response) => {
  const prompt = await readBody(request);
  const { stream } = streamText({
    model,
    messages: [{ role: 'user', content: prompt }],
    tools,
    stopWhen: isStepCount(1000),
  });
  let steps = 0;
  for await (const part of stream) {
    if (part.type === 'error') throw part.error;
    if (part.type === 'finish-step') steps += 1;
  }
  response.end(String(steps));
});
