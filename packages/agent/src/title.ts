import { storableText, type SwitchyardMessage } from '@switchyard/protocol';
import { generateText } from 'ai';
import { tokensOf } from './context/estimate.ts';
import type { Model } from './models.ts';
import { titlePrompt } from './prompt.ts';
import { cacheWritesOf, costOf, nothingSpent, type Spent, usageOf } from './usage.ts';

/** What is read of a message: its beginning says what it is about. A guess. */
const maxMessageLength = 2000;
/** A title is one line in a list. */
const maxTitleLength = 80;
/** Tokens of an answer where the wire demands a limit; a title has some twenty. */
const maxAnswerTokens = 200;

/** A title, and what it cost to ask for it. */
export interface WrittenTitle {
  readonly title: string;
  /** First words of a message whose title was not written: another request may get one. */
  readonly isProvisional: boolean;
  readonly spent: Spent;
}

/**
 * Asks the model for a title; it is the message's first words when the model fails, has none to give or is stopped. A
 * request that was stopped is charged by estimate, one that failed is not. Never rejects.
 */
export async function writeTitle(options: {
  readonly message: string;
  readonly model: Model;
  readonly signal: AbortSignal;
}): Promise<WrittenTitle> {
  const { message, model, signal } = options;
  const prompt = message.slice(0, maxMessageLength).toWellFormed();
  const instructions = titlePrompt();
  // Without what makes a model think: a title is not worth it.
  const { anthropic: _thinking, ...providerOptions } = model.providerOptions;
  const spentOn = (reported: Parameters<typeof usageOf>[0], answer: string): Spent => {
    const requestTokens = tokensOf(instructions.length + prompt.length);
    const usage = usageOf(reported, { requestTokens, writtenLength: answer.length });
    return { usage, costUsd: costOf(usage, model.entry.price, cacheWritesOf(reported)) };
  };
  try {
    const { text, usage } = await generateText({
      model: model.client,
      instructions,
      prompt,
      providerOptions,
      // Where a limit is demanded; elsewhere a model that thinks all the same would have none left for the title.
      ...(model.entry.wire === 'messages' ? { maxOutputTokens: maxAnswerTokens } : {}),
      maxRetries: 0,
      abortSignal: signal,
    });
    const title = titleOfAnswer(text) ?? firstWords(message);
    return { title, isProvisional: false, spent: spentOn(usage, text) };
  } catch {
    const spent = signal.aborted ? spentOn(null, '') : nothingSpent;
    return { title: firstWords(message), isProvisional: true, spent };
  }
}

/** What a person wrote in a message, or else the names of the files that came with it; empty when there is neither. */
export function wordsOfMessage(message: SwitchyardMessage): string {
  const texts = message.parts.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  const names = message.parts.flatMap((part) => {
    if (part.type === 'data-file') return [part.data.name];
    return part.type === 'file' && part.filename !== undefined ? [part.filename] : [];
  });
  return [texts.join(' ').trim(), names.join(', ')].find((words) => words !== '') ?? '';
}

/** The first line that says something, without what models like to put around it; null when none is left. */
export function titleOfAnswer(answer: string): string | null {
  const lines = answer.replace(/<think>[^]*?(<\/think>|$)/g, '').split('\n');
  const bare = lines.map((line) =>
    line
      .trim()
      .replace(/^(title:|#+|[-*])\s*/i, '')
      .replace(/^["'“”«»„*_`]+|["'“”«»*_`.]+$/g, '')
      .trim(),
  );
  const title = bare.find((line) => line !== '');
  return title === undefined ? null : firstWords(title);
}

/** As many words as fit into a title, in one line. */
export function firstWords(text: string): string {
  const line = storableText(text.slice(0, maxMessageLength).toWellFormed()).replace(/\s+/g, ' ').trim();
  if (line.length <= maxTitleLength) return line;
  const cut = line.slice(0, maxTitleLength - 1).toWellFormed();
  return `${cut.slice(0, cut.lastIndexOf(' ') > 20 ? cut.lastIndexOf(' ') : undefined)}…`;
}
