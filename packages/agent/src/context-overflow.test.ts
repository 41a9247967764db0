import { expect, it } from 'vitest';
import { isContextOverflow } from './context-overflow.ts';

it.each([
  [
    'OpenAI',
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
  ],
  [
    'OpenAI Responses',
    'Your input exceeds the context window of this model. Please adjust your input and try again.',
  ],
  ['a code', '{"error":{"message":"no","code":"context_length_exceeded"}}'],
  ['Anthropic', 'prompt is too long: 210000 tokens > 200000 maximum'],
  ['Anthropic', 'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000'],
  ['vLLM', "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens"],
  ['llama.cpp', 'the request exceeds the available context size, try increasing it'],
  ['LM Studio', 'The number of tokens to keep from the initial prompt is greater than the context length.'],
  [
    'OpenRouter',
    "This endpoint's maximum context length is 32768 tokens. However, you requested about 40000",
  ],
  ['Gemini', 'The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).'],
  ['Bedrock', 'Input is too long for requested model.'],
  ['Groq', 'Please reduce the length of the messages or completion.'],
  ['Mistral', 'Prompt contains 40000 tokens, too large for model with 32768 maximum context length'],
  ['LiteLLM', 'litellm.ContextWindowExceededError: BadRequestError'],
])('the words of %s for a conversation that is too long are known: %s', (_server, words) => {
  expect(isContextOverflow(words)).toBe(true);
});

it.each([
  'Invalid value for max_tokens: too large.',
  'The image is too large.',
  'Unsupported parameter: context.',
  'messages.1: tool_use ids were found without tool_result blocks',
  'Rate limit reached: the context of this limit is tokens per minute.',
])('other refusals are not taken for it: %s', (words) => {
  expect(isContextOverflow(words)).toBe(false);
});
