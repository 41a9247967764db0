import type { MeResponse, ModelsResponse } from '@switchyard/protocol';
import { createFileMethods, type FileMethods } from './files.ts';
import { createProjectMethods, type ProjectMethods } from './projects.ts';
import { createSendRequest, requestJson, type TokenSource } from './request.ts';
import { createRunMethods, type RunMethods } from './runs.ts';
import { createThreadMethods, type ThreadMethods } from './threads.ts';

export interface ClientOptions {
  /** Origin of the gateway, `https://api.example.com`. */
  readonly url: string;
  /** An access token or API key; a function is asked before every request, so that tokens can be refreshed. */
  readonly token: string | TokenSource;
  readonly fetch?: typeof globalThis.fetch;
}

/** Every method rejects with SwitchyardError, or with the reason of the signal that it was given. */
export interface Client extends RunMethods {
  readonly threads: ThreadMethods;
  readonly projects: ProjectMethods;
  readonly files: FileMethods;
  /** The models that runs may name, the default one first. */
  models(): Promise<ModelsResponse>;
  /** Whose token this is. */
  me(): Promise<MeResponse>;
  /** `threads.messages`. */
  messages: ThreadMethods['messages'];
  /** `files.read`. */
  readFile: FileMethods['read'];
}

/** A client of one gateway for one account; it holds no connection and needs no closing. */
export function createClient(options: ClientOptions): Client {
  const send = createSendRequest(options);
  const threads = createThreadMethods(send);
  const files = createFileMethods(send);
  return {
    ...createRunMethods(send),
    threads,
    projects: createProjectMethods(send),
    files,
    models: () => requestJson(send, '/v1/models'),
    me: () => requestJson(send, '/v1/me'),
    messages: (threadId, page) => threads.messages(threadId, page),
    readFile: (projectId, path, reading) => files.read(projectId, path, reading),
  };
}
