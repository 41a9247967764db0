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

/** What was read of the prompt's files, each once. */
const texts = new Map<string, string>();

/** The system prompt: ours, then what is asked of every run of the project, and of this one. */
export function systemPrompt(instructions: {
  readonly project: string | null;
  readonly run: string | null;
}): string {
  const added = (['project', 'run'] as const).flatMap((of) => {
    const text = instructions[of]?.trim() ?? '';
    return text === '' ? [] : [`# Instructions for this ${of}\n\n${text}`];
  });
  return [...sections.map(readSection), ...added].join('\n\n');
}

/** What a model is told that summarises a conversation. */
export function summaryPrompt(): string {
  return readSection('summary');
}

/** What a model is told that writes the title of a conversation. */
export function titlePrompt(): string {
  return readSection('title');
}

/** What a model is told that writes its calls into its text. */
export function callsAsTextPrompt(): string {
  return readSection('calls-as-text');
}

function readSection(section: string): string {
  const known = texts.get(section);
  if (known !== undefined) return known;
  const text = readFileSync(new URL(`../prompt/${section}.md`, import.meta.url), 'utf8').trim();
  texts.set(section, text);
  return text;
}
