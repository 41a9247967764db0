import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSupabase, type SupabaseStandIn } from '@switchyard/stand-ins';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Blobs, createBlobs } from '../src/index.ts';

let dataDir: string;
let supabase: SupabaseStandIn;
let blobs: Blobs;
beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'blobs-'));
  supabase = await startSupabase({ dataDir });
  blobs = createBlobs({ supabaseUrl: supabase.url, secretKey: supabase.secretKey, bucket: 'files' });
  await blobs.ensureBucket();
});
afterAll(async () => {
  await supabase.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const bytesOf = async (stream: ReadableStream<Uint8Array>): Promise<Buffer> =>
  Buffer.from(await new Response(stream).arrayBuffer());

describe('blobs', () => {
  it('come back byte for byte, whether they were given whole or as a stream', async () => {
    const bytes = randomBytes(300_000);
    await blobs.put({ key: 'a/whole.bin', body: bytes, mediaType: 'application/octet-stream' });
    expect(await bytesOf(await blobs.read('a/whole.bin'))).toEqual(bytes);
    const stream = new Blob([bytes]).stream();
    await blobs.put({ key: 'a/streamed.bin', body: stream, mediaType: 'application/octet-stream' });
    expect(await bytesOf(await blobs.read('a/streamed.bin'))).toEqual(bytes);
  });

  it('are read by a signed url without a key', async () => {
    await blobs.put({ key: 'signed.txt', body: Buffer.from('hello'), mediaType: 'text/plain' });
    const url = await blobs.signedUrl('signed.txt', { expiresInS: 60, fileName: 'Über & so.txt' });
    const answer = await fetch(url);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(answer.headers.get('content-disposition')).toContain(`''%C3%9Cber%20%26%20so.txt`);
    expect(await answer.text()).toBe('hello');
  });

  it('are not found when they were never put', async () => {
    await expect(blobs.read('nobody')).rejects.toMatchObject({ code: 'not_found' });
    await expect(blobs.signedUrl('nobody', { expiresInS: 60, fileName: 'n' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('keep their first content: a key is never written twice', async () => {
    await blobs.put({ key: 'once', body: Buffer.from('1'), mediaType: 'text/plain' });
    await expect(
      blobs.put({ key: 'once', body: Buffer.from('2'), mediaType: 'text/plain' }),
    ).rejects.toMatchObject({ code: 'conflict' });
    expect(String(await bytesOf(await blobs.read('once')))).toBe('1');
  });

  it('are gone when they were removed, and what is not there is no trouble', async () => {
    for (const key of ['gone/1', 'gone/2', 'stays']) {
      await blobs.put({ key, body: Buffer.from(key), mediaType: 'text/plain' });
    }
    await blobs.remove(['gone/1', 'never', 'gone/2']);
    await blobs.remove([]);
    for (const key of ['gone/1', 'gone/2']) {
      await expect(blobs.read(key)).rejects.toMatchObject({ code: 'not_found' });
    }
    expect(String(await bytesOf(await blobs.read('stays')))).toBe('stays');
  });

  it('find their bucket made already, any number of times', async () => {
    const again = await Promise.allSettled([blobs.ensureBucket(), blobs.ensureBucket()]);
    expect(again.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  });

  it('are unavailable while nobody serves them, and for a key that is refused', async () => {
    const nowhere = createBlobs({ supabaseUrl: 'http://127.0.0.1:9', secretKey: 'k', bucket: 'files' });
    await expect(nowhere.read('a')).rejects.toMatchObject({ code: 'unavailable' });
    const refused = createBlobs({ supabaseUrl: supabase.url, secretKey: 'wrong', bucket: 'files' });
    await expect(refused.read('signed.txt')).rejects.toMatchObject({ code: 'unavailable' });
  });
});
