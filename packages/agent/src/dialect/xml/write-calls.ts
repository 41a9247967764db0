import { callsAsTextPrompt } from '../../prompt.ts';
import type { CallParams, Prompt, PromptMessage } from '../client.ts';

type AssistantPart = Extract<PromptMessage, { role: 'assistant' }>['content'][number];
type ToolPart = Extract<PromptMessage, { role: 'tool' }>['content'][number];
type UserPart = Extract<PromptMessage, { role: 'user' }>['content'][number];
type Tools = NonNullable<CallParams['tools']>;

/** The same request without tools: they stand in the system prompt, and calls and results in the texts. */
export function withCallsAsText(params: CallParams): CallParams {
  const { tools = [], toolChoice: _, ...rest } = params;
  if (tools.length === 0) return { ...rest, prompt: conversation(params.prompt) };
  const at = params.prompt.findLastIndex(({ role }) => role === 'system');
  const system: PromptMessage = { role: 'system', content: describeTools(tools) };
  const prompt = params.prompt.map((message, index): PromptMessage =>
    index === at && message.role === 'system'
      ? { ...message, content: `${message.content}\n\n${system.content}` }
      : message,
  );
  return { ...rest, prompt: conversation(at === -1 ? [system, ...prompt] : prompt) };
}

function describeTools(tools: Tools): string {
  const described = tools.flatMap((tool) =>
    tool.type === 'function'
      ? [
          `## ${tool.name}\n\n${tool.description ?? ''}\n\nParameters (JSON Schema): ${JSON.stringify(tool.inputSchema)}`,
        ]
      : [],
  );
  return [callsAsTextPrompt(), '# The tools', ...described].join('\n\n');
}

/** Some servers refuse two messages of one role in a row, and a result is said by the same side as a question. */
function conversation(prompt: Prompt): Prompt {
  const messages: PromptMessage[] = [];
  for (const message of prompt.map(withoutCalls)) {
    const last = messages.at(-1);
    if (message.role === 'user' && last?.role === 'user') {
      messages[messages.length - 1] = { ...last, content: joined([...last.content, ...message.content]) };
    } else messages.push(message);
  }
  return messages;
}

function withoutCalls(message: PromptMessage): PromptMessage {
  switch (message.role) {
    case 'assistant':
      return { ...message, content: joined(message.content.map(callAsText)) };
    case 'tool':
      return { role: 'user', content: joined(message.content.flatMap(resultAsParts)) };
    case 'system':
    case 'user':
      return message;
  }
}

function callAsText(part: AssistantPart): AssistantPart {
  return part.type === 'tool-call' ? { type: 'text', text: writeCall(part.toolName, part.input) } : part;
}

/** Texts that follow each other are one, by lines: a call begins a line, and some servers take one text alone. */
function joined<Part extends AssistantPart | UserPart>(parts: readonly Part[]): Part[] {
  const whole: Part[] = [];
  for (const part of parts) {
    const last = whole.at(-1);
    if (part.type === 'text' && last?.type === 'text') {
      whole[whole.length - 1] = { ...last, text: `${last.text}\n${part.text}` };
    } else whole.push(part);
  }
  return whole;
}

/** A call as the model is told to write it. */
export function writeCall(name: string, input: unknown): string {
  const parameters = Object.entries((input ?? {}) as Record<string, unknown>).map(([key, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `<parameter name="${key}">${isPlain(text) ? text : cdataOfCall(text)}</parameter>\n`;
  });
  return `<tool_call name="${name}">\n${parameters.join('')}</tool_call>`;
}

/** True for what is read back the same without a wrapping. */
function isPlain(text: string): boolean {
  return !/[<\n\r]|^\s/.test(text);
}

function cdata(text: string): string {
  return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
}

/** In CDATA, split also where a section of its own begins: what reads calls could not tell whose end comes next. */
function cdataOfCall(text: string): string {
  return text
    .split(/(?<=<!\[CDA)(?=TA\[)/)
    .map(cdata)
    .join('');
}

function resultAsParts(part: ToolPart): UserPart[] {
  if (part.type !== 'tool-result') return [];
  const { toolName, output } = part;
  const write = (text: string, failed = false): UserPart => ({
    type: 'text',
    text: `<tool_result name="${toolName}"${failed ? ' failed="yes"' : ''}>${cdata(withoutTags(text))}</tool_result>`,
  });
  switch (output.type) {
    case 'text':
      return [write(output.value)];
    case 'json':
      return [write(JSON.stringify(output.value))];
    case 'error-text':
      return [write(output.value, true)];
    case 'error-json':
      return [write(JSON.stringify(output.value), true)];
    case 'execution-denied':
      return [write(output.reason ?? 'Denied.', true)];
    case 'content': {
      const texts = output.value.flatMap((each) => (each.type === 'text' ? [each.text] : []));
      const files = output.value.flatMap((each) => (each.type === 'file' ? [each] : []));
      const note = files.length === 0 ? [] : [belongingNote(files.length)];
      return [write([...texts, ...note].join('\n')), ...files];
    }
  }
}

/** What stands behind a result is said by the user, unless something says that it is not. */
function belongingNote(count: number): string {
  return count === 1
    ? '[The picture that follows belongs to this result.]'
    : `[The ${count} pictures that follow belong to this result.]`;
}

/** Models read no CDATA as a parser does: a result must not hold what looks like its end, or like another one. */
function withoutTags(text: string): string {
  return text.replaceAll(/<(?=[\s/]*tool_result)/gi, '&lt;');
}
