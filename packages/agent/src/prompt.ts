import { readFileSync } from 'node:fs';

/** Fixed order, no clock and no ids: what comes before the conversation stays the same, so that providers can cache it. */
const sections = [
  'identity',
  'environment',
  'tools',
  'todos',
  'files',
  'untrusted-content',
  'completion',
] as const;

let basePrompt: string | undefined;
let summaryText: string | undefined;

/** Reads the prompt's files, once. */
function readBasePrompt(): string {
  basePrompt ??= sections.map(readSection).join('\n\n');
  return basePrompt;
}

/** The system prompt: ours, then what the run's owner asked to be added. */
export function systemPrompt(instructions: string | null): string {
  const text = readBasePrompt();
  if (instructions === null || instructions.trim() === '') return text;
  return `${text}\n\n# Instructions for this run\n\n${instructions.trim()}`;
}

/** What a model is told that summarises a conversation. */
export function summaryPrompt(): string {
  summaryText ??= readSection('summary');
  return summaryText;
}

function readSection(section: string): string {
  return readFileSync(new URL(`../prompt/${section}.md`, import.meta.url), 'utf8').trim();
}
