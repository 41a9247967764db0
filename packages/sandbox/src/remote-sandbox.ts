import type { Readable } from 'node:stream';
import type { Sandbox as DaytonaSandbox } from '@daytonaio/sdk';
import { AppError } from '@switchyard/protocol';
import { callService } from './call-service.ts';

/** What a script answered: the words after `SY1`, and the lines below, decoded. */
export interface ScriptAnswer {
  readonly words: readonly string[];
  readonly lines: readonly Buffer[];
}

export interface ScriptOptions {
  readonly what: string;
  readonly signal: AbortSignal;
  /** Most scripts may run twice: they read, or their claim knows its owner. */
  readonly isRepeatable?: boolean;
  readonly timeoutMs?: number;
}

/** The few things that are asked of a service's sandbox; everything else is made of them. */
export interface RemoteSandbox {
  readonly id: string;
  runScript(script: string, options: ScriptOptions): Promise<ScriptAnswer>;
  /** Makes the folder when it is missing. */
  upload(path: string, bytes: Uint8Array, options: { readonly signal: AbortSignal }): Promise<void>;
  /** The same of a content that comes in pieces; memory holds a few of them. */
  uploadStream(path: string, content: Readable, options: { readonly signal: AbortSignal }): Promise<void>;
  /** Where a browser reaches the port for that time, without any other permission. */
  previewUrl(
    port: number,
    options: { readonly forSeconds: number; readonly signal: AbortSignal },
  ): Promise<string>;
}

/** A file of many gigabytes over a slow line; who sends watches over the pieces. */
const streamTimeoutMs = 4 * 3_600_000;

/** Below the slowest upload that is still worth waiting for (guess). */
const minUploadBytesPerMs = 100;

function parseAnswer(result: string): ScriptAnswer {
  const start = result.indexOf('SY1 ');
  if (start === -1) {
    throw new AppError('sandbox_failed', 'The sandbox gave no answer.', {
      cause: new Error(result.slice(0, 500)),
    });
  }
  const [head = '', ...lines] = result.slice(start).split('\n');
  if (head === 'SY1 no-room') {
    const detail =
      'The memory for files in /dev/shm of the sandbox is full, so nothing was started. End the programs that fill it, or remove its files.';
    throw new AppError('sandbox_limit', detail);
  }
  return { words: head.split(' ').slice(1), lines: lines.map((line) => Buffer.from(line, 'base64')) };
}

export function createRemoteSandbox(sandbox: DaytonaSandbox, requestTimeoutMs: number): RemoteSandbox {
  return {
    id: sandbox.id,
    async runScript(script, { what, signal, isRepeatable = true, timeoutMs = requestTimeoutMs }) {
      const answer = await callService({ what, signal, isRepeatable, timeoutMs }, () =>
        // Braces make the shell read the whole text before it starts, and keep commands off its standard input.
        sandbox.process.executeCommand(
          `{\n${script}\n} </dev/null`,
          undefined,
          undefined,
          Math.ceil(timeoutMs / 1000),
        ),
      );
      return parseAnswer(answer.result);
    },
    async upload(path, bytes, { signal }) {
      const timeoutMs = requestTimeoutMs + bytes.byteLength / minUploadBytesPerMs;
      await callService({ what: 'upload', signal, isRepeatable: true, timeoutMs }, () =>
        // A Buffer: a string would be the path of a file of ours.
        sandbox.fs.uploadFile(
          Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
          path,
          timeoutMs / 1000,
        ),
      );
    },
    async uploadStream(path, content, { signal }) {
      const call = { what: 'upload a stream', signal, isRepeatable: false, timeoutMs: streamTimeoutMs };
      await callService(call, () =>
        sandbox.fs.uploadFileStream(content, path, { signal, timeout: streamTimeoutMs / 1000 }),
      );
    },
    async previewUrl(port, { forSeconds, signal }) {
      const call = { what: 'address a port', signal, isRepeatable: true, timeoutMs: requestTimeoutMs };
      const { url } = await callService(call, () => sandbox.getSignedPreviewUrl(port, forSeconds));
      return url;
    },
  };
}
