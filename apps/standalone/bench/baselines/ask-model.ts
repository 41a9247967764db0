import { Agent, type IncomingMessage, request } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/** One request to the model with nothing in between; resolves with the response as soon as its head is there. */
export async function askModel(modelUrl: string, prompt: string): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(
      `${modelUrl}/v1/chat/completions`,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      resolve,
    );
    outgoing.on('error', reject);
    outgoing.end(modelRequest(prompt));
  });
}

/** The body of such a request. */
export function modelRequest(prompt: string): string {
  return JSON.stringify({
    model: 'bench',
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: 'user', content: prompt }],
  });
}
