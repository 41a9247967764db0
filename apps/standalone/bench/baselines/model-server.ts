import { readBody } from './read-body.ts';
import { serve } from './listen.ts';
import { firstToken, heldPrompt } from '../prompts.ts';

const frame = { id: 'bench', object: 'chat.completion.chunk', created: 0, model: 'bench' };

/**
 * The cheapest model on the OpenAI wire: one token at once, or, when the prompt asks to be held, some tokens and then
 * silence. Every system in the bench asks this one, so that its own time falls out of every comparison.
 */
await serve(async (request, response) => {
  const body = await readBody(request);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  if (body.includes(heldPrompt)) {
    for (let index = 0; index < 20; index += 1) response.write(chunk({ content: `${firstToken} ` }, null));
    return;
  }
  response.write(chunk({ role: 'assistant', content: firstToken }, null));
  response.write(chunk({}, 'stop'));
  response.write(
    `data: ${JSON.stringify({ ...frame, choices: [], usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 } })}\n\n`,
  );
  response.end('data: [DONE]\n\n');
});

function chunk(delta: object, finishReason: string | null): string {
  return `data: ${JSON.stringify({ ...frame, choices: [{ index: 0, delta, finish_reason: finishReason }] })}\n\n`;
}
