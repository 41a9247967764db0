import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Action, DemoCall } from '../demo/action.ts';
import { demoPolicy } from '../demo/demo-policy.ts';
import type { WireMessage } from '../wire.ts';

export const demoTools = [
  'shell',
  'read_file',
  'write_file',
  'str_replace',
  'list_files',
  'todo',
  'complete',
];

/** A whole conversation with the demo, acted out on real files and with real commands in a folder of its own. */
export interface Play {
  readonly actions: readonly Action[];
  /** All results, as the model would read them. */
  readonly results: readonly string[];
  readonly messages: readonly WireMessage[];
  /** What `complete` was given; null when the demo ended by a plain answer. */
  readonly summary: string | null;
  /** A file that the demo left in the workspace. */
  readonly file: (path: string) => string;
  readonly remove: () => void;
}

/** More answers than any of the demo's procedures needs: it must end by itself. */
const maxAnswers = 40;

/** Plays a task to its end. `uploads` are written below `uploads/` and named to the policy as the prompt does it. */
export async function playDemo(options: {
  readonly text: string;
  readonly uploads?: Readonly<Record<string, Uint8Array>>;
  /** Replaces a tool's result: for failures that real files do not make. */
  readonly answer?: (call: DemoCall) => string | null;
}): Promise<Play> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-demo-'));
  const attached = Object.entries(options.uploads ?? {}).map(([name, bytes]) => {
    mkdirSync(join(folder, 'uploads'), { recursive: true });
    writeFileSync(join(folder, 'uploads', name), bytes);
    return `[Attached file "${name}" (text/csv, ${bytes.length} bytes): /workspace/uploads/${name}]`;
  });
  const messages: WireMessage[] = [
    { role: 'system', content: 'You work in /workspace; uploads are in /workspace/uploads/.' },
    { role: 'user', content: [options.text, ...attached].join('\n') },
  ];
  const tools = demoTools.map((name) => ({ type: 'function', function: { name } }));
  const actions: Action[] = [];
  const results: string[] = [];
  let summary: string | null = null;
  let hasOpenTodos = false;
  for (let count = 0; summary === null && count < maxAnswers; count += 1) {
    const action = demoPolicy(messages, tools);
    actions.push(action);
    const calls = action.calls.map((call, index) => ({ call, id: `call-${count}-${index}` }));
    messages.push({
      role: 'assistant',
      content: action.text,
      tool_calls: calls.map(({ call, id }) => ({
        id,
        function: { name: call.name, arguments: JSON.stringify(call.input) },
      })),
    });
    for (const { call, id } of calls) {
      const content = options.answer?.(call) ?? execute(folder, call);
      results.push(content);
      messages.push({ role: 'tool', tool_call_id: id, content });
      if (call.name === 'todo') hasOpenTodos = /"(open|in-progress)"/.test(JSON.stringify(call.input));
      // The tool refuses an end with open todos that is not accounted for, and so the play goes on.
      const isAccountedFor = !hasOpenTodos || call.input.unfinished !== undefined;
      if (call.name === 'complete' && isAccountedFor) summary = JSON.stringify(call.input.summary);
    }
    if (calls.length === 0) break;
  }
  return {
    actions,
    results,
    messages,
    summary,
    file: (path) => readFileSync(join(folder, path), 'utf8'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The tools' answers in the form that the agent's tools give them. */
function execute(folder: string, { name, input }: DemoCall): string {
  const given = (member: string) => (typeof input[member] === 'string' ? input[member] : '');
  const path = join(folder, given('path'));
  switch (name) {
    case 'shell': {
      const run = spawnSync('sh', ['-c', given('command')], {
        cwd: folder,
        encoding: 'utf8',
        timeout: 20_000,
      });
      const output = run.stdout + run.stderr;
      return JSON.stringify({ exitCode: run.status, output, durationMs: 1, timedOut: false });
    }
    case 'list_files':
      return [`[${given('path')}: some entries]`, ...readdirSync(path)].join('\n');
    case 'read_file':
      return readLines(path, given('path'), Number(input.limit));
    case 'write_file':
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, given('content'));
      return JSON.stringify({ path: given('path'), outcome: 'created', bytes: given('content').length });
    case 'str_replace': {
      const text = readFileSync(path, 'utf8');
      const pieces = text.split(given('old_str'));
      if (pieces.length !== 2) return `old_str occurs ${pieces.length - 1} times; nothing was changed.`;
      writeFileSync(path, pieces.join(given('new_str')));
      return JSON.stringify({ path: given('path'), replacements: 1 });
    }
    default:
      return 'Noted.';
  }
}

/** Line ends and the byte order mark are taken off and remarked upon, long lines are cut. */
function readLines(path: string, name: string, limit: number): string {
  const text = readFileSync(path, 'utf8');
  const lines = text.split('\n').slice(0, limit);
  const isLatin = lines.some((line) => line.includes('\uFFFD'));
  const shown = (isLatin ? readFileSync(path, 'latin1').split('\n').slice(0, limit) : lines).map((line) => {
    const bare = line.replace(/^\uFEFF/, '').replace(/\r$/, '');
    return bare.length > 2000
      ? `${bare.slice(0, 2000)} [… ${bare.length - 2000} more bytes in this line]`
      : bare;
  });
  const remarks = [
    `${text.length} bytes`,
    ...(text.startsWith('\uFEFF') ? ['begins with a byte order mark'] : []),
    ...(isLatin ? ['not valid UTF-8, shown as Latin-1'] : []),
  ];
  return [
    `[${name}: lines 1-${lines.length}; ${remarks.join('; ')}]`,
    ...shown.map((line, index) => `${String(index + 1).padStart(6)}\t${line}`),
  ].join('\n');
}
