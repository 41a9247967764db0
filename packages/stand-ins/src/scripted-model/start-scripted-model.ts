import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer } from './answer.ts';
import { parseJson, readBody, sendError, sendJson } from './http.ts';
import { answerOfDemo } from './demo/demo-policy.ts';
import { preciseNow, record, type RecordedRequest, shownRequest } from './request-log.ts';
import {
  chooseTurn,
  type AnswerFault,
  type ChosenTurn,
  type Fault,
  type Scenario,
  scenarioSchema,
  UnknownScenarioError,
} from './scenario.ts';
import { completeAnswer, streamAnswer } from './send-answer.ts';
import { problemOfHistory } from './check-history.ts';
import { textOfMessage, type WireRequest } from './wire.ts';
import { type WireName, wires } from './wires/index.ts';
import { badRequest, type WireFailure } from './wires/wire-format.ts';

export interface ScriptedModelOptions {
  /** 0 or absent: a free one. Always on the loopback address. */
  readonly port?: number;
  /** Scenarios by name, in the order in which their `match` is tried; invalid ones throw here. */
  readonly scenarios?: Readonly<Record<string, Scenario>>;
  /** Pause before each chunk of the demo policy, in ms. 0 (the default) for tests, about 15 reads like a model. */
  readonly demoDelayMs?: number;
  /**
   * What completion and call ids begin with; they end with a counter. Random when absent, so that a restarted server
   * never reuses the ids of calls that a living sandbox remembers. Give one to have the same ids in every run.
   */
  readonly idPrefix?: string;
  /** Newest requests that are kept in `requests`. */
  readonly maxRequests?: number;
  /** One line for each request that cannot be answered; never the text of a conversation. */
  readonly log?: (line: string) => void;
}

export interface ScriptedModel {
  /** The origin; the OpenAI base URL is `${url}/v1`. */
  readonly url: string;
  readonly pid: number;
  /** What was asked, oldest first: a live array. */
  readonly requests: readonly RecordedRequest[];
  /** Registers or replaces a scenario; its faults count from the beginning. Throws on an invalid one. */
  readonly setScenario: (name: string, scenario: Scenario) => void;
  /** Ends all connections at once. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts a model server that speaks the wires of `/v1/chat/completions`, `/v1/responses` and Anthropic's `/v1/messages`,
 * streaming and not, refuses what their servers refuse (calls without results, foreign reasoning, roles that do not alternate), and follows scripts: a scenario chosen by `[[scenario:name]]` in the user's text or by its `match`, else the demo policy. Tests in
 * other processes use `PUT` and `DELETE /scenarios/:name` and `GET /requests?scenario=name`.
 */
export async function startScriptedModel(options: ScriptedModelOptions = {}): Promise<ScriptedModel> {
  const scenarios = new Map<string, Scenario>();
  const faultCounts = new Map<string, number>();
  const requests: RecordedRequest[] = [];
  const idPrefix = options.idPrefix ?? randomBytes(6).toString('hex');
  let requestCount = 0;
  let callCount = 0;

  const setScenario = (name: string, scenario: unknown) => {
    scenarios.set(name, scenarioSchema.parse(scenario));
    for (const key of faultCounts.keys()) if (key.startsWith(`${name}/`)) faultCounts.delete(key);
  };
  for (const [name, scenario] of Object.entries(options.scenarios ?? {})) setScenario(name, scenario);

  /** The first fault of the turn that is not used up; counts it. */
  const nextFault = (chosen: ChosenTurn | null): Fault | null => {
    for (const { key, fault } of chosen?.faults ?? []) {
      const count = faultCounts.get(key) ?? 0;
      if (fault.times !== undefined && count >= fault.times) continue;
      faultCounts.set(key, count + 1);
      return fault;
    }
    return null;
  };

  const complete = async (name: WireName, request: IncomingMessage, response: ServerResponse) => {
    const receivedAt = preciseNow();
    const wire = wires[name];
    const text = await readBody(request);
    const refuse = (failure: WireFailure, headers: Record<string, string> = {}) =>
      sendJson(response, failure.status, wire.refusal(failure), headers);
    const sent = parseJson(text);
    const read = wire.read(sent);
    if (read.outcome === 'refused') return refuse(read.failure);
    const body = read.request;
    const chosen = chooseKnown(body);
    if (chosen instanceof UnknownScenarioError) return refuse(badRequest(chosen.message));
    requestCount += 1;
    const entry: RecordedRequest = {
      number: requestCount,
      receivedAt,
      headers: request.headers,
      wire: name,
      text,
      body,
      scenario: chosen?.scenario ?? null,
      turn: chosen?.turn ?? null,
      status: 200,
      chunks: 0,
      frames: 0,
      firstByteAt: null,
      endedAt: null,
      abortedAt: null,
    };
    record(requests, entry, options.maxRequests ?? 10_000);
    const aborting = new AbortController();
    response.once('close', () => {
      if (entry.endedAt !== null) return;
      entry.abortedAt = preciseNow();
      aborting.abort();
    });

    const fault = nextFault(chosen);
    const refusal = refusalOf(body, fault);
    if (refusal) {
      entry.status = refusal.status;
      entry.endedAt = preciseNow();
      const seconds = fault?.kind === 'status' ? fault.retryAfterSeconds : undefined;
      return refuse(refusal, seconds === undefined ? {} : { 'retry-after': String(seconds) });
    }
    const answer: Answer = chosen?.answer ?? answerOfDemo(body, { delayMs: options.demoDelayMs ?? 0 });
    const sending = {
      response,
      signal: aborting.signal,
      entry,
      wire,
      heading: {
        id: `${idPrefix}${requestCount}`,
        model: body.model,
        createdAt: Math.floor(Date.now() / 1000),
        body: sent as Record<string, unknown>,
        style: answer.style ?? {},
      },
      answer,
      // What is a refusal was sent.
      fault: fault as AnswerFault | null,
      newCallId: () => {
        callCount += 1;
        return `call_${idPrefix}${callCount}`;
      },
      callsAsText: asksForCallsAsText(body),
      requestCharacters: text.length,
    };
    return body.stream ? streamAnswer(sending) : completeAnswer(sending);
  };

  const chooseKnown = (body: WireRequest) => {
    try {
      return chooseTurn(scenarios, body);
    } catch (error) {
      if (error instanceof UnknownScenarioError) return error;
      throw error;
    }
  };

  const control = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    const name = decodeURIComponent(url.pathname.slice('/scenarios/'.length));
    if (request.method === 'DELETE') scenarios.delete(name);
    else {
      const scenario = scenarioSchema.safeParse(parseJson(await readBody(request)));
      if (!scenario.success) return sendError(response, 400, scenario.error.message);
      setScenario(name, scenario.data);
    }
    response.writeHead(204).end();
  };

  const route = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://scripted.invalid');
    const action = `${request.method} ${url.pathname}`;
    const [, path = ''] = /^POST (?:\/v1)?\/(chat\/completions|responses|messages)$/.exec(action) ?? [];
    const name = wirePaths[path];
    if (name) return complete(name, request, response);
    if (/^GET (\/v1)?\/models$/.test(action)) return sendJson(response, 200, modelList);
    if (/^(PUT|DELETE) \/scenarios\/[^/]+$/.test(action)) return control(request, response, url);
    if (action === 'GET /requests') {
      const wanted = url.searchParams.get('scenario');
      const shown = requests.filter((entry) => wanted === null || entry.scenario === wanted);
      return sendJson(response, 200, { requests: shown.map(shownRequest) });
    }
    return sendError(response, 404, `There is no ${action} here.`);
  };

  const server = createServer((request, response) => {
    route(request, response).catch((error: unknown) => {
      if (response.destroyed) return;
      options.log?.(`scripted model: ${error instanceof Error ? error.stack : String(error)}`);
      if (response.headersSent) response.destroy();
      else sendError(response, 500, error instanceof Error ? error.message : 'internal');
    });
  });
  // Longer than any client keeps an idle connection, so that the server never closes one that is just being used.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    pid: process.pid,
    requests,
    setScenario,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const wirePaths: Readonly<Record<string, WireName>> = {
  'chat/completions': 'chat',
  responses: 'responses',
  messages: 'messages',
};

/** True when the system prompt shows how a call is written and no tool is offered otherwise. */
function asksForCallsAsText({ messages, tools }: WireRequest): boolean {
  if ((tools ?? []).length > 0) return false;
  return messages.some(
    (message) => message.role === 'system' && textOfMessage(message).includes('<tool_call name="'),
  );
}

/** Why a request is refused before any answer; null when it is not. A scripted fault comes first. */
function refusalOf(body: WireRequest, fault: Fault | null): WireFailure | null {
  if (fault?.kind === 'status') {
    const { status, message = `Scripted ${status}.` } = fault;
    return { kind: status === 529 ? 'overloaded' : 'status', status, message };
  }
  if (fault?.kind === 'context-length') {
    const { message = 'This model’s maximum context length is 8 tokens; the request has more.' } = fault;
    return { kind: 'context-length', status: 400, message };
  }
  const problem = problemOfHistory(body.messages);
  return problem === null ? null : badRequest(problem);
}

/** The one model that this server has; every name in a request is answered all the same. */
const modelList = {
  object: 'list',
  data: [{ id: 'scripted-demo', object: 'model', created: 0, owned_by: 'switchyard' }],
};
