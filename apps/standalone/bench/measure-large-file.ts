import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { Fleet } from '../fleet/fleet.ts';
import { watchMemory } from './process-memory.ts';

/** A file of a workspace on its way through the gateway. */
export interface LargeFileFigures {
  readonly bytes: number;
  readonly uploadMs: number;
  readonly downloadMs: number;
  /** How much more they held than before, at most. */
  readonly growth: { readonly gateway: number; readonly host: number };
}

const pieceBytes = 1024 * 1024;

/** Sends a file of so many MiB into a workspace and fetches it again; throws when another came back. */
export async function measureLargeFile(
  fleet: Fleet,
  { megabytes }: { readonly megabytes: number },
): Promise<LargeFileFigures> {
  const { client, apiKey, gateways, services } = fleet;
  const [gateway] = gateways;
  if (!gateway) throw new Error('There is no gateway.');
  const { project } = await client.projects.create();
  // A sandbox, and what each process loads with its first file.
  await client.files.write(project.id, 'small.txt', 'x'.repeat(pieceBytes));
  await client.files.read(project.id, 'small.txt');

  const url = `${gateway.url}/v1/projects/${project.id}/files/content?path=large.bin`;
  const authorization = `Bearer ${apiKey}`;
  const pids = { gateway: gateway.pid, host: services.sandboxHost.pid() };
  const watch = watchMemory(pids);
  try {
    const sent = createHash('sha256');
    const startedAt = performance.now();
    const upload = request(url, {
      method: 'PUT',
      headers: { authorization, 'content-length': String(megabytes * pieceBytes) },
    });
    const answered = once(upload, 'response') as Promise<[IncomingMessage]>;
    Readable.from(pieces(megabytes, sent)).pipe(upload);
    const [answer] = await answered;
    answer.resume();
    await finished(answer);
    if (answer.statusCode !== 200 && answer.statusCode !== 201)
      throw new Error(`The upload was answered with ${answer.statusCode}.`);
    const uploadedAt = performance.now();

    const download = await fetch(url, { headers: { authorization } });
    const received = createHash('sha256');
    for await (const piece of download.body ?? []) received.update(piece);
    const downloadedAt = performance.now();
    if (received.digest('hex') !== sent.digest('hex')) throw new Error('Another file came back.');
    return {
      bytes: megabytes * pieceBytes,
      uploadMs: uploadedAt - startedAt,
      downloadMs: downloadedAt - uploadedAt,
      growth: watch.growth(),
    };
  } finally {
    watch.stop();
  }
}

function* pieces(count: number, hash: ReturnType<typeof createHash>): Generator<Buffer> {
  for (let index = 0; index < count; index += 1) {
    const piece = Buffer.alloc(pieceBytes, index % 251);
    hash.update(piece);
    yield piece;
  }
}
