import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { createAdaptorServer } from '@hono/node-server';
import { createUIMessageStreamResponse, streamText, toUIMessageStream, UI_MESSAGE_STREAM_HEADERS } from 'ai';
import { Hono } from 'hono';
import { Redis } from 'ioredis';
import { createResumableStreamContext } from 'resumable-stream/ioredis';
import { listen } from './listen.ts';

/**
 * What a developer builds in an afternoon, after the AI SDK's manual on resumable streams: Hono, `streamText`, and
 * `resumable-stream` on Redis, in one process. No queue, no database, nothing survives.
 * `diy.ts <model url> <redis url>`; `POST /runs`, `GET /runs/<id>/stream`, `POST /runs/<id>/cancel`.
 */
const [modelUrl = '', redisUrl = ''] = process.argv.slice(2);
const model = createOpenAICompatible({
  name: 'bench',
  baseURL: `${modelUrl}/v1`,
  includeUsage: true,
}).chatModel('bench');
const context = createResumableStreamContext({
  waitUntil: null,
  keyPrefix: `diy-${randomUUID()}`,
  publisher: new Redis(redisUrl),
  subscriber: new Redis(redisUrl),
});

const running = new Map<string, AbortController>();

const app = new Hono();
app.post('/runs', async (c) => {
  const { prompt } = await c.req.json<{ prompt: string }>();
  const runId = randomUUID();
  const abort = new AbortController();
  running.set(runId, abort);
  const result = streamText({
    model,
    messages: [{ role: 'user', content: prompt }],
    abortSignal: abort.signal,
    onEnd: () => void running.delete(runId),
  });
  return createUIMessageStreamResponse({
    headers: { 'x-run-id': runId },
    stream: toUIMessageStream({ stream: result.stream, generateMessageId: () => runId }),
    async consumeSseStream({ stream }) {
      await context.createNewResumableStream(runId, () => stream);
    },
  });
});
app.get('/runs/:id/stream', async (c) => {
  const stream = await context.resumeExistingStream(c.req.param('id'));
  if (!stream) return c.body(null, 204);
  return new Response(stream.pipeThrough(new TextEncoderStream()), { headers: UI_MESSAGE_STREAM_HEADERS });
});

app.post('/runs/:id/cancel', (c) => {
  running.get(c.req.param('id'))?.abort();
  return c.body(null, 204);
});

await listen(createAdaptorServer({ fetch: app.fetch }) as Server);
