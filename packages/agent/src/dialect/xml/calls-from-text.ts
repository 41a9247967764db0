import type { LanguageModelMiddleware } from 'ai';
import type { CallParams } from '../client.ts';
import { type CallEvent, createCallParser } from './parse-calls.ts';
import { withCallsAsText } from './write-calls.ts';

type Streamed = Awaited<ReturnType<NonNullable<LanguageModelMiddleware['wrapStream']>>>;
type StreamPart = Streamed['stream'] extends ReadableStream<infer Part> ? Part : never;
type Tools = NonNullable<CallParams['tools']>;

/**
 * For models that call no tools of themselves: the tools are told in the prompt, and calls are read out of the text.
 * What comes out is what a model with native calls would have streamed.
 */
export const callsAsText: LanguageModelMiddleware = {
  async wrapStream({ model, params }) {
    const streamed = await model.doStream(withCallsAsText(params));
    const reader = createReader(params.tools ?? []);
    const transform = new TransformStream<StreamPart, StreamPart>({
      transform(part, controller) {
        const parts = reader(part);
        // A sign of life: what is held back shows nothing, and yet the model is not silent.
        if (parts.length === 0) parts.push({ type: 'ping' });
        for (const read of parts) controller.enqueue(read);
      },
    });
    return { ...streamed, stream: streamed.stream.pipeThrough(transform) };
  },
};

function createReader(tools: Tools): (part: StreamPart) => StreamPart[] {
  const parser = createCallParser();
  let textCount = 0;
  let callCount = 0;
  let openText: string | null = null;
  let call: CallWriter | null = null;

  function closeText(): StreamPart[] {
    if (openText === null) return [];
    const id = openText;
    openText = null;
    return [{ type: 'text-end', id }];
  }

  function read(event: CallEvent): StreamPart[] {
    switch (event.type) {
      case 'text': {
        const begun: StreamPart[] = [];
        if (openText === null) {
          textCount += 1;
          openText = `text-${textCount}`;
          begun.push({ type: 'text-start', id: openText });
        }
        return [...begun, { type: 'text-delta', id: openText, delta: event.text }];
      }
      case 'call': {
        callCount += 1;
        const id = `call-${callCount}`;
        call = createCallWriter({ id, name: event.name, tools });
        return [...closeText(), { type: 'tool-input-start', id, toolName: event.name }];
      }
      case 'parameter':
        return call?.begin(event.name) ?? [];
      case 'value':
        return call?.add(event.text) ?? [];
      case 'parameter-end':
        return call?.end() ?? [];
      case 'call-end': {
        const written = call?.finish(event.rest) ?? [];
        call = null;
        return written;
      }
      // The call stays without its end: whoever reads the stream knows it by that.
      case 'cut':
        return [];
    }
  }

  return (part) => {
    switch (part.type) {
      // The texts that come out are begun and ended by what is in them.
      case 'text-start':
        return [];
      case 'text-delta':
        return parser.push(part.delta).flatMap(read);
      case 'text-end':
        return closeText();
      case 'finish': {
        const last = [...parser.end().flatMap(read), ...closeText()];
        const isStop = part.finishReason.unified === 'stop' && callCount > 0;
        const finishReason = isStop
          ? { ...part.finishReason, unified: 'tool-calls' as const }
          : part.finishReason;
        return [...last, { ...part, finishReason }];
      }
      default:
        return [part];
    }
  };
}

interface CallWriter {
  begin(parameter: string): StreamPart[];
  add(text: string): StreamPart[];
  end(): StreamPart[];
  finish(rest: string): StreamPart[];
}

/** Writes a call's parameters as the JSON that a native call would have streamed. */
function createCallWriter(options: {
  readonly id: string;
  readonly name: string;
  readonly tools: Tools;
}): CallWriter {
  const { id, name, tools } = options;
  const tool = tools.find((each) => each.type === 'function' && each.name === name);
  const schema = tool?.type === 'function' ? tool.inputSchema : undefined;
  let input = '';
  /** The value of a parameter that is no text, up to its end. */
  let value: string | null = null;

  function write(text: string): StreamPart[] {
    input += text;
    return text === '' ? [] : [{ type: 'tool-input-delta', id, delta: text }];
  }

  return {
    begin(parameter) {
      const head = `${input === '' ? '{' : ','}${JSON.stringify(parameter)}:`;
      value = isText(schema, parameter) ? null : '';
      return write(value === null ? `${head}"` : head);
    },
    add(text) {
      if (value === null) return write(JSON.stringify(text).slice(1, -1));
      value += text;
      return [];
    },
    end() {
      const written = write(value === null ? '"' : jsonOf(value));
      value = null;
      return written;
    },
    finish(rest) {
      const written = write(input === '' ? withoutParameters(rest) : endOfInput(rest));
      return [
        ...written,
        { type: 'tool-input-end', id },
        { type: 'tool-call', toolCallId: id, toolName: name, input },
      ];
    },
  };
}

/** A parameter whose tag cannot be read makes no input: the call would be another one without it. */
function endOfInput(rest: string): string {
  return rest.includes('<parameter') ? `,"unparsed":${JSON.stringify(rest)}` : '}';
}

/** Some models write the whole input as JSON all the same; anything else is told to be wrong by the tool's schema. */
function withoutParameters(rest: string): string {
  if (rest === '') return '{}';
  const written = jsonOf(rest);
  return written.startsWith('{') ? written : JSON.stringify({ unparsed: rest });
}

function jsonOf(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return JSON.stringify(text);
  }
}

/** True when the tool takes a text there, or when nothing is known of it. */
function isText(schema: unknown, parameter: string): boolean {
  const { properties } = (schema ?? {}) as { readonly properties?: Readonly<Record<string, unknown>> };
  const property = properties?.[parameter];
  return property === undefined || allowsText(property);
}

function allowsText(property: unknown): boolean {
  const {
    type,
    enum: values,
    anyOf,
    oneOf,
  } = property as {
    readonly type?: string | readonly string[];
    readonly enum?: readonly unknown[];
    readonly anyOf?: readonly unknown[];
    readonly oneOf?: readonly unknown[];
  };
  if (type !== undefined) return type === 'string' || (Array.isArray(type) && type.includes('string'));
  if (values !== undefined) return values.some((each) => typeof each === 'string');
  return (anyOf ?? oneOf ?? []).some(allowsText);
}
