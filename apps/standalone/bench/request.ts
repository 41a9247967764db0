import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { firstToken } from './prompts.ts';

/** One request whose answer is a stream. */
export interface StreamRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Milliseconds from the moment before the request is made. */
export interface Timing {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** First byte of the body. */
  readonly firstByteMs: number;
  /** The chunk that held the first token; Infinity when none did. */
  readonly tokenMs: number;
  readonly endMs: number;
  readonly body: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 1024 });

/**
 * Makes the request and reads its stream to its end, or only until its first byte or token, and then destroys the
 * connection. Rejects when the answer is not 200 or does not come within 20 s.
 */
export async function timeRequest(
  wanted: StreamRequest,
  { until }: { readonly until: 'byte' | 'token' | 'end' },
): Promise<Timing> {
  return await new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const { method, headers, body } = wanted;
    const outgoing = request(wanted.url, { method, headers, agent }, (response) => {
      let text = '';
      let firstByteMs = Infinity;
      let tokenMs = Infinity;
      const finish = () => {
        clearTimeout(timer);
        const { statusCode: status = 0 } = response;
        const endMs = performance.now() - startedAt;
        if (status === 200)
          resolve({ status, headers: response.headers, firstByteMs, tokenMs, endMs, body: text });
        else reject(new Error(`${method} ${wanted.url}: ${status} ${text.slice(0, 300)}`));
      };
      response.on('data', (data: Buffer) => {
        const now = performance.now() - startedAt;
        if (firstByteMs === Infinity) firstByteMs = now;
        text += data.toString('latin1');
        if (tokenMs === Infinity && text.includes(firstToken)) tokenMs = now;
        if (response.statusCode !== 200) return;
        if (until === 'byte' || (until === 'token' && tokenMs < Infinity)) {
          finish();
          outgoing.destroy();
        }
      });
      response.on('end', finish);
      response.on('error', reject);
    });
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`${method} ${wanted.url}: no answer in 20 s`)),
      20_000,
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
