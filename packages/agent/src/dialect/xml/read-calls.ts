import type { LanguageModelMiddleware } from 'ai';
import type { CallParams } from '../client.ts';
import { type CallProblem, problemMetadata } from './call-problem.ts';
import { callOfJson, nameIn, objectOf } from './json-call.ts';
import type { CallEvent } from './call-event.ts';
import { createCallParser } from './parse-calls.ts';
import { createInputWriter, type InputWriter } from './write-input.ts';

type Streamed = Awaited<ReturnType<NonNullable<LanguageModelMiddleware['wrapStream']>>>;
export type StreamPart = Streamed['stream'] extends ReadableStream<infer Part> ? Part : never;
type FinishPart = Extract<StreamPart, { type: 'finish' }>;

export interface CallReader {
  /** What a model with native calls would have streamed for this part of a stream. */
  read(part: StreamPart): StreamPart[];
  /** True when the answer was ended before its stream: nothing good can follow. */
  readonly isOver: boolean;
}

interface ReadCall {
  readonly id: string;
  readonly name: string;
  readonly input: string;
  readonly problem: CallProblem | null;
}

/** Of a call that is not even named. */
const unnamed = 'tool_call';
/** Of what cannot be read, shown as a call's input. */
const maxUnparsedLength = 2000;

/**
 * Reads the calls out of the texts of a stream. They are held back up to its end: only there is it known that they were no
 * thoughts, and no part of a value that seemed to be over.
 */
export function createCallReader(options: {
  readonly tools: NonNullable<CallParams['tools']>;
  /** The texts, by answers and their parts, that this answer goes on. */
  readonly continued: readonly (readonly string[])[];
}): CallReader {
  const { tools, continued } = options;
  const parser = createCallParser(continued);
  const calls: ReadCall[] = [];
  let textCount = 0;
  let callCount = 0;
  let openText: string | null = null;
  let open: { readonly id: string; readonly name: string; readonly writer: InputWriter } | null = null;
  let isOver = false;

  const schemaOf = (name: string): unknown => {
    const tool = tools.find((each) => each.type === 'function' && each.name === name);
    return tool?.type === 'function' ? tool.inputSchema : undefined;
  };

  function closeText(): StreamPart[] {
    if (openText === null) return [];
    const id = openText;
    openText = null;
    return [{ type: 'text-end', id }];
  }

  function show(text: string): StreamPart[] {
    const begun: StreamPart[] = [];
    if (openText === null) {
      textCount += 1;
      openText = `text-${textCount}`;
      begun.push({ type: 'text-start', id: openText });
    }
    return [...begun, { type: 'text-delta', id: openText, delta: text }];
  }

  function begin(name: string): StreamPart[] {
    callCount += 1;
    open = { id: `call-${callCount}`, name, writer: createInputWriter(schemaOf(name)) };
    return [...closeText(), { type: 'tool-input-start', id: open.id, toolName: name }];
  }

  function written(text: string): StreamPart[] {
    return open === null || text === '' ? [] : [{ type: 'tool-input-delta', id: open.id, delta: text }];
  }

  /** Ends the open call: with the input that stands in it, or with another. */
  function finish(problem: CallProblem | null, input?: string): StreamPart[] {
    if (open === null) return [];
    const rest = written(input ?? open.writer.close());
    calls.push({ id: open.id, name: open.name, input: input ?? open.writer.input, problem });
    open = null;
    return rest;
  }

  /** Nothing of the answer is run: what was read of it may be the inside of something else. */
  function refuseAll(problem: CallProblem): void {
    isOver = true;
    for (const [index, call] of calls.entries()) calls[index] = { ...call, problem };
  }

  function fail(problem: CallProblem, name: string | null, unparsed?: string): StreamPart[] {
    refuseAll('beside');
    const begun = open === null ? begin(name ?? unnamed) : [];
    const input =
      unparsed === undefined ? undefined : JSON.stringify({ unparsed: unparsed.slice(0, maxUnparsedLength) });
    return [...begun, ...finish(problem, input)];
  }

  function read(event: CallEvent): StreamPart[] {
    switch (event.type) {
      case 'text':
        return show(event.text);
      case 'call':
        return event.name === null ? [] : begin(event.name);
      case 'parameter':
        return written(open?.writer.begin(event.name) ?? '');
      case 'value':
        return written(open?.writer.add(event.text) ?? '');
      case 'parameter-end':
        return written(open?.writer.end() ?? '');
      case 'call-end': {
        if (event.body === '') return finish(null);
        // Some models write the whole input as JSON all the same.
        const object = objectOf(event.body);
        return object === null ? fail('json', null, event.body) : finish(null, JSON.stringify(object));
      }
      case 'json-call': {
        const { body, isCut } = event;
        const call = callOfJson(body);
        if (call === null) return fail(isCut ? 'cut' : 'json', nameIn(body), body);
        return [...begin(call.name), ...finish(null, call.input)];
      }
      case 'unreadable':
        return fail(event.why, event.name);
      case 'misread':
        refuseAll(event.why);
        return [];
      case 'made-up':
        isOver = true;
        return [];
      case 'misplaced':
        return tools.some(({ name }) => name === event.name) ? fail('misplaced', event.name) : [];
      // The call stays without its end: whoever reads the stream knows it by that.
      case 'cut':
        return [];
    }
  }

  function readAll(events: readonly CallEvent[]): StreamPart[] {
    const parts: StreamPart[] = [];
    for (const event of events) {
      if (isOver) break;
      parts.push(...read(event));
    }
    return parts;
  }

  function ended(finishPart: FinishPart): StreamPart[] {
    const { finishReason } = finishPart;
    const isStop = finishReason.unified === 'stop' && callCount > 0;
    const reason = isStop ? { ...finishReason, unified: 'tool-calls' as const } : finishReason;
    return [...closeText(), ...calls.flatMap(writtenCall), { ...finishPart, finishReason: reason }];
  }

  function partsFor(part: StreamPart): StreamPart[] {
    switch (part.type) {
      // The texts that come out are begun and ended by what is in them.
      case 'text-start':
        return readAll(parser.beginPart());
      case 'text-delta':
        return readAll(parser.push(part.delta));
      case 'text-end':
        return [...readAll(parser.beginPart()), ...closeText()];
      case 'finish': {
        const events = parser.end({ isCut: part.finishReason.unified === 'length' });
        return [...readAll(events), ...ended(part)];
      }
      default:
        return [part];
    }
  }

  return {
    get isOver() {
      return isOver;
    },
    read(part) {
      const parts = partsFor(part);
      return isOver && part.type !== 'finish' ? [...parts, ...ended(uncounted)] : parts;
    },
  };
}

function writtenCall({ id, name, input, problem }: ReadCall): StreamPart[] {
  const call = { type: 'tool-call', toolCallId: id, toolName: name, input } as const;
  const providerMetadata = problem === null ? null : problemMetadata(problem, name === unnamed ? null : name);
  return [{ type: 'tool-input-end', id }, providerMetadata ? { ...call, providerMetadata } : call];
}

/** The end of an answer whose stream was left: what it cost is not told. */
const uncounted: FinishPart = {
  type: 'finish',
  finishReason: { unified: 'tool-calls', raw: undefined },
  usage: {
    inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: undefined, text: undefined, reasoning: undefined },
  },
};
