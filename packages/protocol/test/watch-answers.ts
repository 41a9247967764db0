import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { type AnswerChecker, type AnswersDocument, createAnswerChecker } from './answer-checker.ts';

/** What this process has seen of one gateway's answers. */
export interface WatchedAnswers {
  /** Operations (`GET /v1/runs/{id}`) of which an answer was seen that is no failure. */
  readonly succeeded: ReadonlySet<string>;
  /** Throws when any answer so far was not as the document says. */
  expectDocumented(): Promise<void>;
}

interface Watch {
  readonly checker: AnswerChecker;
  readonly faults: Set<string>;
  readonly reading: Set<Promise<void>>;
}

const watches = new Map<string, Watch>();
let isInstalled = false;

/**
 * Checks every answer that this process gets from the gateway at `url`, by fetch or by node:http, against the document
 * that the gateway itself serves. Of node:http's answers status, headers and media type are checked, not the body.
 */
export async function watchAnswers(url: string): Promise<WatchedAnswers> {
  install();
  const { origin } = new URL(url);
  const document = (await (await fetch(`${origin}/openapi.json`)).json()) as AnswersDocument;
  const watch: Watch = { checker: createAnswerChecker(document), faults: new Set(), reading: new Set() };
  watches.set(origin, watch);
  return {
    succeeded: watch.checker.succeeded,
    async expectDocumented() {
      await Promise.all(watch.reading);
      if (watch.faults.size > 0) {
        throw new Error(`Answers that are not in /openapi.json:\n${[...watch.faults].join('\n')}`);
      }
    },
  };
}

function install(): void {
  if (isInstalled) return;
  isInstalled = true;
  const plain = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const response = await plain(input, init);
    const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
    seeFetched(method.toUpperCase(), response);
    return response;
  };
  subscribe('http.client.response.finish', (message) => {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
    seeReceived(request, response);
  });
}

function seeFetched(method: string, response: Response): void {
  if (!URL.canParse(response.url)) return;
  const { origin, pathname } = new URL(response.url);
  const watch = watches.get(origin);
  // Of a redirect that fetch has followed the first answer is not to be had.
  if (!watch || response.redirected) return;
  const { status, headers } = response;
  const isJson = /^application\/(problem\+)?json/.test(headers.get('content-type') ?? '');
  // Copied now: its reader may be quick.
  const copy = isJson && response.body ? response.clone() : null;
  const reading = see(watch, async () => ({
    method,
    path: pathname,
    status,
    header: (name) => headers.get(name),
    // Null when the connection breaks off.
    body: copy && (await copy.text().catch(() => null)),
  })).finally(() => watch.reading.delete(reading));
  watch.reading.add(reading);
}

function seeReceived(request: ClientRequest, { statusCode = 0, headers }: IncomingMessage): void {
  const watch = watches.get(`http://${request.getHeader('host') as string}`);
  if (!watch) return;
  const [path = ''] = request.path.split('?', 1);
  void see(watch, () => ({
    method: request.method,
    path,
    status: statusCode,
    header: (name) => (headers[name.toLowerCase()] as string | undefined) ?? null,
    body: null,
  }));
}

type Look = () => Parameters<AnswerChecker['check']>[0] | Promise<Parameters<AnswerChecker['check']>[0]>;

async function see({ checker, faults }: Watch, look: Look): Promise<void> {
  for (const fault of checker.check(await look())) faults.add(fault);
}
