import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listFilesTool } from '../src/list-files.ts';
import { shellTool } from '../src/shell.ts';
import { todoTool } from '../src/todo.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;

beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench.close());

describe('list_files', () => {
  test('lists a folder, deeper when asked', async () => {
    await bench.call(shellTool, {
      command: `mkdir -p listed/sub/deep; cd listed; printf abc > b.txt; printf x > .hidden; printf y > sub/c.txt; ln -s b.txt link; touch "two
lines"`,
    });
    expect(await bench.call(listFilesTool, { path: 'listed' })).toMatchInlineSnapshot(`
      {
        "outcome": "ok",
        "output": "[listed: 5 entries]
      listed/.hidden  1
      listed/b.txt  3
      listed/link@
      listed/sub/
      "listed/two\\nlines"  0",
      }
    `);
    expect(await bench.call(listFilesTool, { path: 'listed', depth: 2 })).toMatchInlineSnapshot(`
      {
        "outcome": "ok",
        "output": "[listed, 2 levels: 7 entries]
      listed/.hidden  1
      listed/b.txt  3
      listed/link@
      listed/sub/
      listed/sub/c.txt  1
      listed/sub/deep/
      "listed/two\\nlines"  0",
      }
    `);
    await expect(bench.call(listFilesTool, { path: 'listed/none' })).rejects.toThrow('does not exist');
  });

  test('says that there is more than it lists', async () => {
    await bench.call(shellTool, {
      command: 'mkdir /workspace/crowd; cd /workspace/crowd; touch $(seq 1 600)',
    });
    const result = await bench.call(listFilesTool, { path: 'crowd' });
    if (result.outcome !== 'ok') throw new Error(result.message);
    const lines = (result.output as string).split('\n');
    expect(lines).toHaveLength(501);
    expect(lines[0]).toBe(
      '[crowd: the first 500 entries, there are more: list a folder below it, or use glob]',
    );
  });
});

test('todo mirrors the plan into the running sandbox', async () => {
  await bench.call(todoTool, { todos: [{ text: 'Plan', status: 'in-progress' }] });
  expect((await bench.read('todo.md')).toString()).toBe('# Todo\n\n- [~] Plan\n');
});
