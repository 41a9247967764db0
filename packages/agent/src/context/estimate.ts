import { asSchema, type ModelMessage, type ToolSet } from 'ai';
import { systemPrompt } from '../prompt.ts';

/** A guess that holds for English and code within a factor of two; no tokenizer may block the event loop. */
const charactersPerToken = 4;

/** What a picture counts, in characters: about what providers charge for a large one. Its bytes say nothing of it. */
const pictureLength = 6000;

/** What so many characters cost, about. */
export function tokensOf(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}

/** How many characters so many tokens hold, about. */
export function charactersOf(tokens: number): number {
  return tokens * charactersPerToken;
}

/** Characters of messages, or of any part of them; pictures by what they cost and not by their bytes. */
export function lengthOf(value: ModelMessage | readonly ModelMessage[] | object | string): number {
  return lengthOfValue(value);
}

function lengthOfValue(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 4;
  if (isPicture(value)) return pictureLength;
  let length = 0;
  for (const [key, inner] of Object.entries(value)) {
    length += (Array.isArray(value) ? 0 : key.length) + lengthOfValue(inner);
  }
  return length;
}

/** A tool's own data may well have a `type` of that name; only the SDK's parts have a media type and bytes beside it. */
function isPicture(value: object): boolean {
  if (!('type' in value) || !('mediaType' in value)) return false;
  return (value.type === 'file' && 'data' in value) || (value.type === 'image' && 'image' in value);
}

/** Tokens of what every request with these tools sends beside its conversation, about. */
export async function tokensOfPrompt(toolSet: ToolSet): Promise<number> {
  return tokensOf(systemPrompt({ project: null, run: null }).length + (await lengthOfTools(toolSet)));
}

/** Characters of what a request tells the model of its tools. */
export async function lengthOfTools(toolSet: ToolSet): Promise<number> {
  let length = 0;
  for (const [name, { description, inputSchema }] of Object.entries(toolSet)) {
    const schema = JSON.stringify(await asSchema(inputSchema).jsonSchema);
    length += name.length + (typeof description === 'string' ? description.length : 0) + schema.length;
  }
  return length;
}
