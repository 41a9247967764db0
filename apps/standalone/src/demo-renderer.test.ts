import { readFileSync } from 'node:fs';
import type { Chunk, MessageMetadata } from '@switchyard/protocol';
import { expect, test } from 'vitest';
import { createDemoRenderer, formatSeconds, type ShownEvent } from './demo-renderer.ts';
import { openTerminal } from './demo-terminal.ts';

const metadata: MessageMetadata = {
  runId: 'run',
  threadId: 'thread',
  projectId: 'project',
  model: 'scripted:demo',
  status: 'completed',
  reason: 'finished',
  usage: { inputTokens: 10, cachedInputTokens: 0, outputTokens: 5, totalTokens: 15, estimated: false },
  costUsd: 0,
  stepCount: 2,
  durationMs: 1234,
};

/** The events of a real run (gateway, worker, sandbox, scripted model), as the client got them. */
const recording = readFileSync(new URL('demo-recorded-run.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as ShownEvent);

/** A short run with all that may happen in one: text, parallel calls, live output, todos, a failing command, the ending. */
const recorded: readonly Chunk[] = [
  { type: 'start', messageId: 'm' },
  { type: 'data-run', data: { runId: 'run', status: 'running', epoch: 1 }, transient: true },
  { type: 'start-step' },
  { type: 'text-start', id: 't1' },
  { type: 'text-delta', id: 't1', delta: 'Let me ' },
  { type: 'text-delta', id: 't1', delta: 'look.' },
  { type: 'text-end', id: 't1' },
  { type: 'tool-input-start', toolCallId: 'c0', toolName: 'todo' },
  {
    type: 'tool-input-available',
    toolCallId: 'c0',
    toolName: 'todo',
    input: { todos: [] },
  },
  { type: 'tool-input-available', toolCallId: 'c1', toolName: 'shell', input: { command: 'cat a\ncat b' } },
  { type: 'tool-input-available', toolCallId: 'c2', toolName: 'read_file', input: { path: 'notes.md' } },
  { type: 'tool-output-available', toolCallId: 'c0', output: 'noted' },
  {
    type: 'data-todo',
    id: 'c0',
    data: {
      todos: [
        { text: 'Look', status: 'in-progress' },
        { text: 'Report', status: 'open' },
      ],
    },
  },
  {
    type: 'data-tool-output',
    data: { toolCallId: 'c1', stream: 'stdout', text: 'first\nsec' },
    transient: true,
  },
  { type: 'tool-output-available', toolCallId: 'c2', output: 'one\ntwo\nthree' },
  { type: 'data-tool-output', data: { toolCallId: 'c1', stream: 'stderr', text: 'ond\n' }, transient: true },
  { type: 'tool-output-available', toolCallId: 'c1', output: { exitCode: 3, output: 'first\nsecond\n' } },
  { type: 'finish-step' },
  { type: 'start-step' },
  {
    type: 'data-todo',
    id: 'c3',
    data: {
      todos: [
        { text: 'Look', status: 'done' },
        { text: 'Report', status: 'open' },
      ],
    },
  },
  {
    type: 'tool-input-available',
    toolCallId: 'c4',
    toolName: 'complete',
    input: { summary: 'All is well.' },
  },
  { type: 'tool-output-available', toolCallId: 'c4', output: 'ok' },
  { type: 'finish-step' },
  { type: 'message-metadata', messageMetadata: metadata },
  { type: 'finish', finishReason: 'stop' },
];

function screen(isTTY = false) {
  let text = '';
  const output = { write: (piece: string) => (text += piece), isTTY, columns: 80 };
  const renderer = createDemoRenderer(openTerminal(output), () => 0);
  return {
    ...renderer,
    text: () => text,
    play: (chunks: readonly Chunk[], { first = 1, epoch = 1 } = {}) => {
      chunks.forEach((chunk, index) => renderer.show({ epoch, ordinal: first + index, chunk }));
    },
  };
}

test('a recorded run reads as steps, calls with their output, todos and a summary', () => {
  const { play, text, ending, metadata: shown, steps } = screen();
  play(recorded);
  expect(text()).toBe(
    [
      '',
      'Step 1',
      'Let me look.',
      '  ▸ shell cat a cat b',
      '  ▸ read_file notes.md',
      '  ◐ Look',
      '  ○ Report',
      '  shell:',
      '    │ first',
      '    ✓ read_file: 3 lines 0.00 s',
      '  shell:',
      '    │ second',
      '    ✗ exit code 3 0.00 s',
      '',
      'Step 2',
      '  ● Look',
      '',
      'All is well.',
      '',
    ].join('\n'),
  );
  expect(ending()).toEqual({ kind: 'finish', errorText: null });
  expect(shown()).toEqual(metadata);
  expect(steps()).toBe(2);
});

test('a real run shows every step, its commands with their output, and its end', () => {
  const { show, text, ending, metadata: shown, steps } = screen();
  for (const event of recording) show(event);
  expect(text()).toContain("I am Switchyard's scripted demo, not a language model");
  expect(text()).toContain('\n  ▸ shell seq 3; ls nowhere\n');
  expect(text()).toContain('\n    │ 1\n    │ 2\n    │ 3\n');
  expect(text()).toMatch(/✗ exit code 2/);
  expect(text()).toMatch(/✓ (write_file: )?created, \d+ bytes/);
  expect(text().match(/^Step \d$/gm)).toHaveLength(7);
  expect(steps()).toBe(shown()?.stepCount);
  expect(ending()?.kind).toBe('finish');
});

test('a real run that is cut off anywhere and replayed from its beginning reads the same', () => {
  const straight = screen();
  for (const event of recording) straight.show(event);
  for (let cut = 1; cut < recording.length; cut += 1) {
    const { show, text } = screen();
    for (const event of recording.slice(0, cut)) show(event);
    for (const event of recording) show(event);
    expect(text()).toBe(straight.text());
  }
});

test('a stream cut into single characters shows the same text', () => {
  const { play, text } = screen();
  const letters = Array.from('Let me look.', (delta): Chunk => ({ type: 'text-delta', id: 't1', delta }));
  play([...recorded.slice(0, 4), ...letters, ...recorded.slice(6, 7)]);
  expect(text()).toBe('\nStep 1\nLet me look.\n');
});

test('what a stream repeats after a reconnect is not shown twice', () => {
  const { play, show, text } = screen();
  play(recorded.slice(0, 10));
  const before = text();
  // From its beginning, with ids; and a snapshot, whose frames have none.
  play(recorded.slice(0, 10));
  for (const chunk of recorded.slice(0, 10)) show({ epoch: null, ordinal: null, chunk });
  expect(text()).toBe(before);
  play(recorded.slice(10), { first: 11 });
  expect(text().match(/Step 2/g)).toHaveLength(1);
  expect(text()).toContain('All is well.');
});

test('another worker that takes a step again is told of', () => {
  const { play, text } = screen();
  play(recorded.slice(0, 6));
  play(
    [
      { type: 'data-run', data: { runId: 'run', status: 'running', epoch: 2 }, transient: true },
      { type: 'reset-step' },
      { type: 'text-start', id: 't2' },
      { type: 'text-delta', id: 't2', delta: 'Once more.' },
    ],
    { first: 7, epoch: 2 },
  );
  expect(text()).toContain(
    'Another worker goes on with the run.\nThe step was interrupted and is taken again.\nOnce more.',
  );
});

test('a command that prints a thousand lines shows the first ones and counts the others', () => {
  const { play, text } = screen();
  const lines = Array.from({ length: 1000 }, (_, index) => `line ${index}`).join('\n');
  play([
    { type: 'tool-input-available', toolCallId: 'c', toolName: 'shell', input: { command: 'seq' } },
    { type: 'data-tool-output', data: { toolCallId: 'c', stream: 'stdout', text: `${lines}\n` } },
    { type: 'tool-output-available', toolCallId: 'c', output: { exitCode: 0, output: lines } },
  ]);
  expect(text().split('\n').length).toBeLessThan(30);
  expect(text()).toContain('… 980 more lines');
});

test('a command whose live output was missed shows it with its result', () => {
  const { play, text } = screen();
  play([
    { type: 'tool-input-available', toolCallId: 'c', toolName: 'shell', input: { command: 'ls' } },
    { type: 'tool-output-available', toolCallId: 'c', output: { exitCode: 0, output: 'a.txt\n' } },
  ]);
  expect(text()).toContain('│ a.txt');
});

test('nothing that a model or a command says can steer the terminal', () => {
  const { play, text } = screen();
  const evil = '\u001B]0;title\u0007\u001B[2Jred\u001B[31m\u009B2J\u0007\b\u202Edone';
  play([
    { type: 'text-delta', id: 't', delta: evil },
    { type: 'tool-input-available', toolCallId: 'c', toolName: 'shell', input: { command: evil } },
    { type: 'data-tool-output', data: { toolCallId: 'c', stream: 'stdout', text: `${evil}\n` } },
    { type: 'tool-output-error', toolCallId: 'c', errorText: evil },
    { type: 'data-todo', id: 'x', data: { todos: [{ text: evil, status: 'open' }] } },
    { type: 'error', errorText: evil },
  ]);
  // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
  expect(text()).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/);
  expect(text()).toContain('done');
});

test('an escape sequence that is cut over two chunks does not come through', () => {
  const { play, text } = screen();
  play([
    { type: 'text-delta', id: 't', delta: 'a\u001B' },
    { type: 'text-delta', id: 't', delta: '[31mb' },
  ]);
  expect(text()).not.toContain('\u001B');
});

test('colours are for terminals alone', () => {
  const plain = screen(false);
  const coloured = screen(true);
  plain.play(recorded);
  coloured.play(recorded);
  expect(plain.text()).not.toContain('\u001B');
  expect(coloured.text()).toContain('\u001B[1mStep 1\u001B[22m');
});

test('an ending by error keeps its text', () => {
  const { play, ending } = screen();
  play([{ type: 'error', errorText: 'The model did not answer.' }]);
  expect(ending()).toEqual({ kind: 'error', errorText: 'The model did not answer.' });
});

test('durations read naturally', () => {
  expect([420, 12_340, 185_000].map(formatSeconds)).toEqual(['0.42 s', '12.3 s', '3 min 5 s']);
});
