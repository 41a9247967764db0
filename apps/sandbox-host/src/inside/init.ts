/**
 * The one process that a sandbox starts with: it runs commands and takes uploads for the host, over a Unix socket,
 * from inside the wall, so that no path of the sandbox is ever opened from outside. It uses nothing but Node.
 */
import { unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { connectPort } from './connect-port.ts';
import type { ExecuteRequest, ExecuteResponse } from '@daytona/toolbox-api-client';
import { execute, prepareShell } from './execute.ts';
import { BadUploadError, receiveFiles } from './receive-files.ts';
import { startRelay } from './relay.ts';

const socketPath = '/run/switchyard/init.sock';
/** The host asks every 20 s; one that was killed and never came back must not leave sandboxes running. */
const silenceMs = 120_000;
/** A command may carry a file of some 100 kB; uploads go their own way. */
const maxCommandBytes = 8 * 1024 * 1024;

const alarm = setTimeout(() => process.exit(0), silenceMs);

function answer(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** Errors look as the daemon's do: `code` and `source` are what the SDK makes its error classes from. */
function answerError(response: ServerResponse, status: number, code: string, message: string): void {
  answer(response, status, { statusCode: status, source: 'DAYTONA_DAEMON', code, message });
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxCommandBytes) throw new RangeError('too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function runCommand(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let parsed: ExecuteRequest;
  try {
    parsed = JSON.parse(await readText(request)) as ExecuteRequest;
  } catch {
    return answerError(response, 400, 'INVALID_REQUEST', 'The command could not be read.');
  }
  if (typeof parsed.command !== 'string' || parsed.command === '') {
    return answerError(response, 400, 'INVALID_REQUEST', 'A command is needed.');
  }
  // The next shell is started once this answer is on its way.
  response.on('close', () => prepareShell());
  const ended = await execute(parsed);
  switch (ended.outcome) {
    case 'exited':
      return answer(response, 200, {
        exitCode: ended.exitCode,
        result: ended.result,
      } satisfies ExecuteResponse);
    case 'timed-out':
      return answerError(response, 408, 'PROCESS_EXECUTION_TIMEOUT', 'The command took too long.');
  }
}

async function takeUpload(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await receiveFiles(request.headers['content-type'] ?? '', request);
    return answer(response, 200, {});
  } catch (error) {
    if (error instanceof BadUploadError) return answerError(response, 400, 'INVALID_REQUEST', error.message);
    throw error;
  }
}

async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
  alarm.refresh();
  switch (`${request.method} ${request.url}`) {
    case 'GET /ping':
      return answer(response, 200, { status: 'ok' });
    case 'POST /process/execute':
      return runCommand(request, response);
    case 'POST /files/bulk-upload':
      return takeUpload(request, response);
    default:
      return answerError(response, 404, 'NOT_FOUND', 'No such route.');
  }
}

// Whoever read its output may be gone; and one command's trouble must not end the sandbox.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
process.on('uncaughtException', () => undefined);

try {
  unlinkSync(socketPath);
} catch {
  // The first start has none.
}
const server = createServer((request, response) => {
  route(request, response).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : 'unknown';
    if (!response.headersSent) answerError(response, 500, 'INTERNAL', message);
    else response.destroy();
  });
});
server.on('connect', (request, socket, head) => {
  alarm.refresh();
  connectPort(request.url ?? '', socket as Socket, head);
});
// The host keeps its connections and closes them itself.
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
if (process.env['HTTP_PROXY'] !== undefined) startRelay();
server.listen(socketPath, () => {
  process.stdout.write('ready\n');
  prepareShell();
});
