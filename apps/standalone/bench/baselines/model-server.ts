import type { ServerResponse } from 'node:http';
import { readBody } from './read-body.ts';
import { serve } from './listen.ts';
import { clockUs } from '../clock.ts';
import { firstToken, heldPrompt, talk, talkPrompt } from '../prompts.ts';

const frame = { id: 'bench', object: 'chat.completion.chunk', created: 0, model: 'bench' };

const listening = new Set<ServerResponse>();

/**
 * The cheapest model on the OpenAI wire: one token at once, or, when the prompt asks to be held, some tokens and then
 * silence, or, when it asks for talk, tokens at a steady rate from `POST /talk` on, each the time at which it is said.
 * Every system in the bench asks this one, so that its own time falls out of every comparison.
 */
await serve(async (request, response) => {
  const body = await readBody(request);
  if (request.url === '/talk') {
    for (const listener of listening) talkTo(listener);
    listening.clear();
    response.end();
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  if (body.includes(heldPrompt)) {
    for (let index = 0; index < 20; index += 1) response.write(chunk({ content: `${firstToken} ` }, null));
    return;
  }
  response.write(chunk({ role: 'assistant', content: firstToken }, null));
  if (body.includes(talkPrompt)) listening.add(response);
  else end(response);
});

/** By the clock and not from one token to the next, so that a late one delays no other. */
function talkTo(response: ServerResponse): void {
  const startedAt = performance.now();
  let said = 0;
  const timer = setInterval(() => {
    while (said < talk.tokens && performance.now() - startedAt >= said * talk.everyMs) {
      response.write(chunk({ content: `@${clockUs()}@` }, null));
      said += 1;
    }
    if (said < talk.tokens) return;
    clearInterval(timer);
    end(response);
  }, 1);
}

function end(response: ServerResponse): void {
  response.write(chunk({}, 'stop'));
  response.write(
    `data: ${JSON.stringify({ ...frame, choices: [], usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 } })}\n\n`,
  );
  response.end('data: [DONE]\n\n');
}

function chunk(delta: object, finishReason: string | null): string {
  return `data: ${JSON.stringify({ ...frame, choices: [{ index: 0, delta, finish_reason: finishReason }] })}\n\n`;
}
