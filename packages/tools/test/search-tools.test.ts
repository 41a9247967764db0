import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { globTool } from '../src/glob.ts';
import { grepTool } from '../src/grep.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
const never = new AbortController().signal;

beforeAll(async () => {
  bench = await openWorkbench();
  await bench.sandbox.run({
    command: String.raw`mkdir -p src/deep node_modules/x .git && cd src && printf 'import a\nconst total = 1;\n\n// TODO: sum\nexport const sum = 2;\n// todo later\n' > main.ts && printf 'def total():\n  return 1\n' > deep/util.py && printf '\0\1' > deep/data.bin && echo todo > ../node_modules/x/i.js && echo todo > ../.hidden && ln -s main.ts alias.ts && seq 1 250 > ../numbers`,
    timeoutMs: 20_000,
    signal: never,
  });
});
afterAll(() => bench.close());

const textOf = async (result: ReturnType<Workbench['call']>): Promise<string> => {
  const settled = await result;
  return settled.outcome === 'ok' ? (settled.output as string) : `error: ${settled.message}`;
};

// What the model reads is an interface: a change of these texts is reviewed as one.
describe('grep', () => {
  const grep = (input: object) => textOf(bench.call(grepTool, input as never));

  test('shows matches by file and line', async () => {
    expect(await grep({ pattern: 'total' })).toMatchInlineSnapshot(`
      "[/workspace: 2 matches in 2 files; 4 files searched; 1 binary file left out]
      src/deep/util.py
        1: def total():
      src/main.ts
        2: const total = 1;"
    `);
    expect(await grep({ pattern: 'todo', ignore_case: true, context: 1 })).toMatchInlineSnapshot(`
      "[/workspace: 3 matches in 2 files; 4 files searched; 1 binary file left out]
      .hidden
        1: todo
      src/main.ts
        3- 
        4: // TODO: sum
        5- export const sum = 2;
        6: // todo later"
    `);
    expect(await grep({ pattern: '(', literal: true, path: 'src', glob: '*.py' })).toMatchInlineSnapshot(`
      "[src: 1 match in 1 file; 1 file searched]
      src/deep/util.py
        1: def total():"
    `);
    expect(await grep({ pattern: 'o', files_only: true, path: '/workspace/src/' })).toMatchInlineSnapshot(`
      "[/workspace/src/: 2 matching files; 2 files searched; 1 binary file left out]
      src/deep/util.py: 1 line
      src/main.ts: 4 lines"
    `);
    expect(await grep({ pattern: 'todo', path: 'node_modules' })).toMatchInlineSnapshot(`
      "[node_modules: 1 match in 1 file; 1 file searched]
      node_modules/x/i.js
        1: todo"
    `);
    expect(await grep({ pattern: 'sum', path: 'src/main.ts' })).toMatchInlineSnapshot(`
      "[src/main.ts: 2 matches in 1 file; 1 file searched]
      src/main.ts
        4: // TODO: sum
        5: export const sum = 2;"
    `);
  });

  test('says when there is nothing, when there is more, and how to go on', async () => {
    expect(await grep({ pattern: 'nothing like it' })).toMatchInlineSnapshot(
      `"[/workspace: no match; 4 files searched; 1 binary file left out]"`,
    );
    const [head, name, ...lines] = (await grep({ pattern: '^\\d+$', path: 'numbers' })).split('\n');
    expect(head).toMatchInlineSnapshot(
      `"[numbers: 200 matches in 1 file; there are more: go on with offset 200]"`,
    );
    expect(name).toBe('numbers');
    expect(lines).toHaveLength(200);
    const [next] = (await grep({ pattern: '^\\d+$', path: 'numbers', offset: 200 })).split('\n');
    expect(next).toMatchInlineSnapshot(
      `"[numbers: 50 matches in 1 file; after the first 200; 1 file searched]"`,
    );
  });

  test('explains what it cannot do', async () => {
    await expect(grep({ pattern: 'a(?=b)' })).rejects.toThrow('Looking ahead or behind');
    await expect(grep({ pattern: 'a', path: 'none' })).rejects.toThrow('none does not exist.');
    await expect(grep({ pattern: 'a', glob: '{a' })).rejects.toThrow('A "}" is missing.');
  });
});

describe('glob', () => {
  const glob = (input: object) => textOf(bench.call(globTool, input as never));

  test('lists files that fit', async () => {
    expect(await glob({ pattern: '*.{ts,py}' })).toMatchInlineSnapshot(`
      "[/workspace, *.{ts,py}: 3 files]
      src/alias.ts@
      src/deep/util.py  24
      src/main.ts  76"
    `);
    expect(await glob({ pattern: '*/*', path: 'src' })).toMatchInlineSnapshot(`
      "[src, */*: 2 files]
      src/deep/data.bin  2
      src/deep/util.py  24"
    `);
    expect(await glob({ pattern: '*', path: 'node_modules/x' })).toMatchInlineSnapshot(`
      "[node_modules/x, *: 1 file]
      node_modules/x/i.js  5"
    `);
    expect(await glob({ pattern: '*.rs' })).toMatchInlineSnapshot(`"[/workspace, *.rs: no file]"`);
  });
});
