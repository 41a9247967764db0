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

/** The system prompt: ours, then what is asked of every run of the project, and of this one. */
export function systemPrompt(instructions: {
  readonly project: string | null;
  readonly run: string | null;
}): string {
  const added = (['project', 'run'] as const).flatMap((of) => {
    const text = instructions[of]?.trim() ?? '';
    return text === '' ? [] : [`# Instructions for this ${of}\n\n${text}`];
  });
  return [readBasePrompt(), ...added].join('\n\n');
}

/** What a model is told that summarises a conversation. */
export function summaryPrompt(): string {
  summaryText ??= readSection('summary');
  return summaryText;
}

function readSection(section: string): string {
  return readFileSync(new URL(`../prompt/${section}.md`, import.meta.url), 'utf8').trim();
}
