/** What servers call it: OpenAI and those that copy it, llama.cpp, LiteLLM. */
const codes =
  /context_length_exceeded|exceed_context_size|ContextWindowExceeded|model_max_prompt_tokens_exceeded/i;

/**
 * What servers without a code of their own write: Anthropic (`prompt is too long`, `exceed context limit`), vLLM, SGLang
 * and OpenRouter (`maximum context length`), Gemini (`input token count`), Bedrock (`Input is too long`), Groq and
 * Together (`reduce the length`), Mistral (`maximum context length`), LM Studio (`context length`), Cohere.
 */
const sentences = [
  /\b(prompt|input|request|conversation)( text)? (is|was) too (long|large)\b/i,
  /\bmaximum (context|input|prompt) (length|size)\b/i,
  /\b(exceed|overflow|longer than|larger than|greater than)\w*\b.{0,80}\bcontext (length|size|window|limit)\b/i,
  /\bcontext (length|size|window|limit)\b.{0,80}\b(exceed|overflow|reached|too (small|short))/i,
  /\binput token count\b.{0,80}\bexceeds?\b/i,
  /\breduce the length of the (messages|prompt|input|conversation)\b/i,
  /\btoo many (input )?tokens\b/i,
];

/** Bounds the work: what a server answers may be a whole page. */
const maxLength = 4000;

/** True when a server's words say that the conversation does not fit into the model's window. */
export function isContextOverflow(words: string): boolean {
  const text = words.slice(0, maxLength);
  return codes.test(text) || sentences.some((sentence) => sentence.test(text));
}
