import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { askModel } from './ask-model.ts';
import { serve } from './listen.ts';
import { readBody } from './read-body.ts';

/**
 * The floor: bare node http, the log in memory, nothing checked, nothing kept. What no system can be faster than.
 * `floor.ts <model url>`; `POST /runs`, `GET /runs/<id>/stream`.
 */
const [modelUrl = ''] = process.argv.slice(2);
const runs = new Map<string, { log: string[]; viewers: Set<ServerResponse>; isOver: boolean }>();

await serve(async (request, response) => {
  if (request.method === 'GET') {
    const run = runs.get(request.url?.split('/')[2] ?? '');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const frame of run?.log ?? []) response.write(frame);
    if (!run || run.isOver) response.end();
    else run.viewers.add(response);
    request.socket.on('close', () => run?.viewers.delete(response));
    return;
  }
  const { prompt } = JSON.parse(await readBody(request)) as { prompt: string };
  const runId = randomUUID();
  const run = { log: [] as string[], viewers: new Set([response]), isOver: false };
  runs.set(runId, run);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-run-id': runId });
  const answer = await askModel(modelUrl, prompt);
  let rest = '';
  for await (const bytes of answer) {
    const lines = (rest + String(bytes)).split('\n\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const frame = frameOf(line);
      if (frame === null) continue;
      run.log.push(frame);
      for (const viewer of run.viewers) viewer.write(frame);
    }
  }
  run.isOver = true;
  for (const viewer of run.viewers) viewer.end();
  runs.delete(runId);
});

function frameOf(line: string): string | null {
  if (line === 'data: [DONE]') return `${line}\n\n`;
  const { choices } = JSON.parse(line.slice('data: '.length)) as {
    choices: { delta: { content?: string } }[];
  };
  const text = choices[0]?.delta.content;
  return text === undefined
    ? null
    : `data: ${JSON.stringify({ type: 'text-delta', id: '0', delta: text })}\n\n`;
}
