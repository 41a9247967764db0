import type { ModelMessage } from 'ai';
import { expect, it } from 'vitest';
import { transcriptOf } from './transcript.ts';

const conversation: ModelMessage[] = [
  { role: 'user', content: 'Count.' },
  {
    role: 'assistant',
    content: [
      { type: 'text', text: 'I look.' },
      { type: 'tool-call', toolCallId: 'c1', toolName: 'look', input: { path: 'a' } },
    ],
  },
  {
    role: 'tool',
    content: [
      {
        type: 'tool-result',
        toolCallId: 'c1',
        toolName: 'look',
        output: { type: 'json', value: { n: 'x'.repeat(9000) } },
      },
    ],
  },
];

it('a transcript names each call with its id, and cuts long results', () => {
  const text = transcriptOf(conversation, 100_000);
  expect(text).toContain('## user\nCount.\n\n## assistant\nI look.\n\n## call of look (c1)\n{"path":"a"}');
  expect(text).toContain('## result of look (c1)\n{"n":"xxx');
  expect(text).toContain('[… 6008 characters left out …]');
});

it('a transcript is as long as it may be, with the beginning and the newest', () => {
  const text = transcriptOf(conversation, 400);
  expect(text.length).toBeLessThan(450);
  expect(text).toMatch(/^## user\nCount\./);
  expect(text).toMatch(/xxx"\}$/);
});
