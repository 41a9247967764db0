import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BadUploadError, receiveFiles } from './receive-files.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'switchyard-upload-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const boundary = '--------------------------1234567890';
const contentType = `multipart/form-data; boundary=${boundary}`;

function body(files: readonly { readonly path: string; readonly content: Buffer }[]): Buffer {
  const parts = files.flatMap(({ path: target, content }, index) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="files[${index}].path"\r\n\r\n${target}\r\n`,
    ),
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="files[${index}].file"; filename="x"\r\nContent-Type: application/octet-stream\r\n\r\n`,
    ),
    content,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
}

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let start = 0, round = 0; start < bytes.length; round++) {
    const size = Math.max(1, sizes[round % Math.max(1, sizes.length)] ?? bytes.length);
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

describe('an upload', () => {
  test('arrives byte for byte, wherever its chunks are cut', async () => {
    const piece = fc.oneof(
      fc
        .constantFrom(`\r\n--${boundary.slice(0, 10)}`, '\r\n', `--${boundary}`, '--', '\r\n\r\n')
        .map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 10 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 }),
        async (pieces, sizes) => {
          const content = Buffer.concat(pieces);
          fc.pre(!content.includes(`\r\n--${boundary}`));
          const target = path.join(folder, 'a folder', 'file');
          await receiveFiles(contentType, inPieces(body([{ path: target, content }]), sizes));
          expect((await readFile(target)).equals(content)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('may hold several files', async () => {
    const files = ['one', 'two'].map((name) => ({
      path: path.join(folder, name),
      content: randomBytes(100_000),
    }));
    await receiveFiles(contentType, inPieces(body(files), [65_536]));
    for (const file of files) expect((await readFile(file.path)).equals(file.content)).toBe(true);
  });

  test('that is cut, or has a strange shape, is refused', async () => {
    const whole = body([{ path: path.join(folder, 'cut'), content: randomBytes(1_000) }]);
    await expect(receiveFiles(contentType, inPieces(whole.subarray(0, -60), [100]))).rejects.toThrow(
      BadUploadError,
    );
    await expect(receiveFiles('multipart/form-data', inPieces(whole, [100]))).rejects.toThrow(BadUploadError);
    const unnamed = Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--${boundary}--`,
    );
    await expect(receiveFiles(contentType, inPieces(unnamed, [100]))).rejects.toThrow(BadUploadError);
    const pathless = Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="files[0].file"\r\n\r\nx\r\n--${boundary}--`,
    );
    await expect(receiveFiles(contentType, inPieces(pathless, [100]))).rejects.toThrow(BadUploadError);
  });
});
