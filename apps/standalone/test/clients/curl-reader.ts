import { spawn } from 'node:child_process';
import { type Frame, framesOf } from '../../fleet/frames.ts';
import type { ChatPlace } from './chat-session.ts';
import type { RunReader } from './follower-session.ts';

/** The program `curl`, without any option that would try again. */
export function createCurlReader({
  gatewayUrl,
  apiKey,
}: Pick<ChatPlace, 'gatewayUrl' | 'apiKey'>): RunReader {
  function run(parameters: readonly string[]): AsyncIterable<Uint8Array> {
    const child = spawn('curl', ['-sN', '-H', `Authorization: Bearer ${apiKey}`, ...parameters], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return child.stdout;
  }
  return {
    async post(body) {
      const output = run([
        '-i',
        '-H',
        'Content-Type: application/json',
        '-d',
        JSON.stringify(body),
        `${gatewayUrl}/v1/chat`,
      ])[Symbol.asyncIterator]();
      let head = '';
      while (!head.includes('\r\n\r\n')) {
        const { done, value } = await output.next();
        if (done === true) throw new Error(`curl ended: ${head}`);
        head += Buffer.from(value).toString('latin1');
      }
      const end = head.indexOf('\r\n\r\n') + 4;
      const runId = /^x-run-id: (\S+)/im.exec(head)?.[1] ?? '';
      const rest = Buffer.from(head.slice(end), 'latin1');
      return { runId, frames: framesOf(behind(rest, output)) };
    },
    follow: (runId, after): AsyncIterable<Frame> =>
      framesOf(
        run([
          ...(after === null ? [] : ['-H', `Last-Event-ID: ${after}`]),
          `${gatewayUrl}/v1/runs/${runId}/stream?until=wait`,
        ]),
      ),
  };
}

async function* behind(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  yield first;
  yield* { [Symbol.asyncIterator]: () => rest };
}
