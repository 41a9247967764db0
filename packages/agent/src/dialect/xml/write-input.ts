/** Writes a call's parameters as the JSON that a native call would have streamed. */
export interface InputWriter {
  /** Each returns what is to be streamed next. */
  begin(parameter: string): string;
  add(text: string): string;
  end(): string;
  /** Ends what is open, whether or not it came to its end. */
  close(): string;
  /** All of it. */
  readonly input: string;
}

/** `schema`: the JSON schema of the tool's input; of a tool that there is not, undefined. */
export function createInputWriter(schema: unknown): InputWriter {
  let input = '';
  /** The open parameter; its value is held back when it is no text. */
  let open: { readonly isText: boolean; value: string } | null = null;

  function write(text: string): string {
    input += text;
    return text;
  }

  function end(): string {
    if (open === null) return '';
    const ended = open.isText ? '"' : jsonOf(open.value);
    open = null;
    return write(ended);
  }

  return {
    get input() {
      return input;
    },
    begin(parameter) {
      open = { isText: isText(schema, parameter), value: '' };
      return write(`${input === '' ? '{' : ','}${JSON.stringify(parameter)}:${open.isText ? '"' : ''}`);
    },
    add(text) {
      if (open?.isText) return write(JSON.stringify(text).slice(1, -1));
      if (open) open.value += text;
      return '';
    },
    end,
    close() {
      const ended = end();
      return ended + write(input === '' ? '{}' : '}');
    },
  };
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
