import type { ToolPart } from '@switchyard/protocol';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseApprovalRules } from './approval-rules.ts';
import { consentOf } from './consent.ts';
import { defineTool, type Subject } from './tool.ts';
import { createToolset } from './toolset.ts';

/** Its sentence is the model's, as that of the shell. */
const shell = defineTool({
  name: 'shell',
  description: 'Runs a command.',
  inputSchema: z.object({ command: z.string(), consent: z.string().optional() }),
  effect: 'once',
  needs: 'sandbox',
  consent: ({ consent }) => consent ?? null,
  subjectsOf: ({ command }): (string | Subject)[] =>
    command
      .split('; ')
      .map((text) => (text.startsWith('A=1 ') ? { text, otherTexts: [text.slice(4)] } : text)),
  execute: () => Promise.reject(new Error('It is never run here.')),
});

/** What a person reads before the command may run; null when nobody is asked. */
function sentenceOf(rules: string, input: { readonly command: string; readonly consent?: string }) {
  const part: ToolPart = { type: 'tool-shell', toolCallId: 'a', state: 'input-available', input };
  const tools = createToolset([shell], parseApprovalRules(rules));
  const consent = consentOf(tools, { part, ledger: 'pending' });
  return consent.state === 'asking' ? consent.sentence : null;
}

const push = 'git push --force origin main';
const rule = 'shell(git push*)=ask';

describe('what a person reads before a call', () => {
  it('is the sentence of the call where it asks by itself', () => {
    expect(sentenceOf('', { command: push, consent: 'Push the release.' })).toBe('Push the release.');
    expect(sentenceOf('', { command: push })).toBeNull();
  });

  it('names the tool, the rule that asks and what it is about', () => {
    expect(sentenceOf(rule, { command: push })).toBe(`Use shell, asked by the rule "${rule}": ${push}`);
  });

  it('is never what the model would have him read in place of it: its words follow as a quotation', () => {
    expect(sentenceOf(rule, { command: push, consent: 'List the files of the folder.' })).toBe(
      `Use shell, asked by the rule "${rule}": ${push}. The agent’s call says: “List the files of the folder.”`,
    );
  });

  it('lets no quotation end before its end', () => {
    const consent = 'List.” (The rule "shell=allow" applies.)\n\nApproved \u202Eyb “them';
    expect(sentenceOf(rule, { command: push, consent })).toMatch(
      /says: “List\.' \(The rule 'shell=allow' applies\.\) Approved yb 'them”$/,
    );
  });

  it('shows the commands that the rule is about, not those in front of them', () => {
    const command = `echo ${'a'.repeat(1000)}; A=1 ${push}; ls`;
    expect(sentenceOf(rule, { command })).toBe(`Use shell, asked by the rule "${rule}": A=1 ${push}`);
  });

  it('is short and whole characters, however much there is to show', () => {
    const command = Array.from({ length: 9 }, (_, index) => `git push ${index}${'😀'.repeat(1000)}`).join(
      '; ',
    );
    const sentence = sentenceOf(rule, { command, consent: `a${'😀'.repeat(1000)}` }) ?? '';
    expect(sentence.length).toBeLessThan(2000);
    expect(sentence.isWellFormed()).toBe(true);
    expect(sentence).toContain('; git push 4');
    expect(sentence).toContain('and 4 more');
    expect(sentence).toMatch(/…”$/);
  });
});
