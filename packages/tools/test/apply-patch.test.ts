import { randomUUID } from 'node:crypto';
import { ClaimTakenError } from '@switchyard/sandbox';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyPatchTool } from '../src/apply-patch.ts';
import { readFileTool } from '../src/read-file.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
const never = new AbortController().signal;

beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench.close());

const shell = async (command: string): Promise<string> =>
  (await bench.sandbox.run({ command, timeoutMs: 60_000, maxOutputBytes: 8_000_000, signal: never })).output;
const apply = (...lines: string[]) =>
  bench.call(applyPatchTool, { patch: ['*** Begin Patch', ...lines, '*** End Patch'].join('\n') });

describe('apply_patch', () => {
  test('refuses hunks for one file under two of its names, by a link of either kind or of a folder', async () => {
    const content = 'one\\ntwo\\nthree\\n';
    await shell(
      `mkdir -p al/real && cd al/real && printf '${content}' > a && ln -s a soft && ln a hard && ln -s real ../linked`,
    );
    for (const other of ['al/real/soft', 'al/real/hard', 'al/linked/a']) {
      const hunks = ['*** Update File: al/real/a', '-one', '+1', `*** Update File: ${other}`, '-three', '+3'];
      expect(await apply(...hunks), other).toEqual({
        outcome: 'error',
        message: expect.stringContaining(
          `al/real/a and ${other} are two names of one file: give all its hunks under one of them.`,
        ) as string,
      });
    }
    expect(await shell('cat al/real/a')).toBe('one\ntwo\nthree\n');
    // Each by itself, and a name that goes while the file stays, is no conflict.
    const both = ['*** Update File: al/real/a', '-one', '+1', '*** Delete File: al/real/soft'];
    expect(await apply(...both)).toMatchObject({ outcome: 'ok' });
    expect(await shell('cat al/real/a; ls al/real')).toBe('1\ntwo\nthree\na\nhard\n');
  });

  test('changes, adds, moves and removes files in one go', async () => {
    await shell(
      String.raw`mkdir -p p/old && cd p && printf 'one\r\ntwo\r\n' > dos.txt && printf '#!/bin/sh\necho a\n' > old/run.sh && chmod 755 old/run.sh && echo x > gone && printf '\xfc = 1\n' > latin`,
    );
    const result = await apply(
      '*** Update File: p/dos.txt',
      ' one',
      '-two',
      '+2',
      '+3',
      '*** Update File: p/old/run.sh',
      '*** Move to: p/bin/run.sh',
      '-echo a',
      '+echo b',
      '*** Add File: p/new/note.txt',
      '+note',
      '*** Delete File: p/gone',
      '*** Update File: /workspace/p/latin',
      '-ü = 1',
      '+ü = 2',
    );
    expect(result).toMatchInlineSnapshot(`
      {
        "outcome": "ok",
        "output": {
          "files": [
            {
              "added": 2,
              "atLines": [
                1,
              ],
              "outcome": "updated",
              "path": "p/dos.txt",
              "removed": 1,
            },
            {
              "added": 1,
              "atLines": [
                2,
              ],
              "from": "p/old/run.sh",
              "outcome": "moved",
              "path": "p/bin/run.sh",
              "removed": 1,
            },
            {
              "added": 1,
              "outcome": "created",
              "path": "p/new/note.txt",
            },
            {
              "outcome": "deleted",
              "path": "p/gone",
            },
            {
              "added": 1,
              "atLines": [
                1,
              ],
              "outcome": "updated",
              "path": "p/latin",
              "removed": 1,
            },
          ],
        },
      }
    `);
    expect(
      await shell('cd p && find . -type f | sort && cat -A dos.txt latin new/note.txt && ./bin/run.sh'),
    ).toBe('./bin/run.sh\n./dos.txt\n./latin\n./new/note.txt\none^M$\n2^M$\n3^M$\nM-| = 2$\nnote$\nb\n');
  });

  test('changes nothing when any part does not fit, and names each part', async () => {
    await shell('rm -rf q; mkdir q && cd q && echo a > a && echo b > b && echo c > c && mkdir folder');
    const before = await shell('cd q && find . | sort && cat a b c');
    const result = await apply(
      '*** Update File: q/a',
      '-a',
      '+A',
      '*** Update File: q/b',
      '-x',
      '+X',
      '*** Delete File: q/none',
      '*** Add File: q/c',
      '+c',
      '*** Add File: q/folder',
      '+c',
    );
    expect(result).toMatchInlineSnapshot(`
      {
        "message": "The patch was not applied; nothing was changed.
      hunk 1 of q/b (line 6 of the patch): its lines were not found. Nothing in the file resembles it. Read the file again before you edit it.
      q/none does not exist.
      q/c exists already; it is updated with "*** Update File: q/c", or deleted first.
      q/folder is a folder.",
        "outcome": "error",
      }
    `);
    expect(await shell('cd q && find . | sort && cat a b c')).toBe(before);
  });

  test('finds out in the sandbox what the files alone do not tell', async () => {
    await shell('rm -rf q; mkdir q && cd q && echo a > a && echo f > file');
    await expect(
      apply('*** Update File: q/a', '-a', '+A', '*** Add File: q/file/below', '+x'),
    ).rejects.toThrow('The folder of q/file/below cannot be made.');
    expect(await shell('cat q/a')).toBe('a\n');
  });

  test('may name a file several times', async () => {
    await shell('rm -rf q; mkdir q && printf "a\\nb\\n" > q/a');
    await apply(
      '*** Update File: q/a',
      '-a',
      '+A',
      '*** Update File: q/a',
      '-b',
      '+B',
      '*** Delete File: q/a',
      '*** Add File: q/a',
      '+again',
      '*** Update File: q/a',
      '*** Move to: q/z',
      ' again',
      '+and again',
    );
    expect(await shell('cd q && ls && cat z')).toBe('z\nagain\nand again\n');
  });

  test('refuses what was changed since it was read, and what is no text or no change', async () => {
    await shell('rm -rf q; mkdir q && echo a > q/a && printf "\\0" > q/bin');
    await bench.call(readFileTool, { path: 'q/a' });
    await shell('echo b >> q/a');
    expect(await apply('*** Update File: q/a', '-a', '+A')).toMatchObject({
      message: expect.stringContaining('q/a has changed since you last read or wrote it here'),
    });
    await bench.call(readFileTool, { path: 'q/a' });
    expect(await apply('*** Update File: q/bin', '-a', '+A')).toMatchObject({ outcome: 'error' });
    expect(await apply('*** Update File: q/a', '-a', '+a')).toMatchObject({
      message:
        'The patch was not applied; nothing was changed.\nIt changes nothing: the files are as it would make them.',
    });
    expect(await apply('*** Update File: q/a', '-a', '+A')).toMatchObject({ outcome: 'ok' });
    expect(await apply('*** Delete File: q/bin')).toMatchObject({ outcome: 'ok' });
    await expect(apply('*** Add File: ../x', '+x')).rejects.toThrow('leaves the workspace');
  });

  test('runs once, and its record makes the same result', async () => {
    await shell('mkdir r && echo a > r/a && echo f > r/f');
    const callId = randomUUID();
    const input = { patch: '*** Update File: r/a\n-a\n+b\n*** Add File: r/new\n+x' };
    const first = await bench.call(applyPatchTool, input, { callId });
    expect(first).toMatchObject({ outcome: 'ok' });
    await shell('rm r/new; echo a > r/a');
    const again = bench.call(applyPatchTool, input, { callId, threadId: 'another' });
    await expect(again).rejects.toThrow(ClaimTakenError);
    const recordOf = async (id: string) => {
      const record = await bench.sandbox.inspectCall(id, bench.sandbox.incarnation, { signal: never });
      if (record.state !== 'recorded') throw new Error(record.state);
      return record;
    };
    expect(applyPatchTool.recover?.(await recordOf(callId), input)).toEqual(first);
    const failing = randomUUID();
    const broken = { patch: '*** Update File: r/f\n-f\n+F\n*** Add File: r/a/below\n+x' };
    await expect(bench.call(applyPatchTool, broken, { callId: failing })).rejects.toThrow('cannot be made');
    expect(applyPatchTool.recover?.(await recordOf(failing), broken)).toEqual({
      outcome: 'error',
      message: 'The folder of r/a/below cannot be made.',
    });
  });

  test('makes of a diff what git makes of it', async () => {
    const line = fc.constantFrom('', 'a', 'b', '\tc', 'd\r', 'ü', '-- e', '++ f', '@@ -1 +1 @@', '\\ g');
    const file = fc
      .record({ lines: fc.array(line, { maxLength: 14 }), hasFinalEnd: fc.boolean() })
      .map(({ lines, hasFinalEnd }) => lines.join('\n') + (hasFinalEnd && lines.length > 0 ? '\n' : ''));
    const pairs = fc.sample(fc.record({ old: file, now: file, context: fc.integer({ min: 0, max: 3 }) }), 40);
    // Line ends of lines that are only added cannot be told from a diff that shows nothing else.
    const distinct = pairs.filter(
      ({ old, now, context }) =>
        old !== now && old !== '' && now !== '' && (context > 0 || !`${old}${now}`.includes('\r')),
    );
    for (const [index, { old, now }] of distinct.entries()) {
      await bench.sandbox.changeFiles({
        changes: [
          { kind: 'write', path: `g/${index}/f`, bytes: Buffer.from(old) },
          { kind: 'write', path: `g/${index}/now/f`, bytes: Buffer.from(now) },
        ],
        signal: never,
      });
    }
    for (const [index, { now, context }] of distinct.entries()) {
      const diff = await shell(
        `cd g/${index} && git diff --no-index -U${context} -- f now/f | sed -e 's|^\\([+-][+-][+-] [ab]/\\)now/f|\\1f|' -e 's|b/now/f$|b/f|' -e '/^rename\\|^similarity/d' > ../${index}.diff; cat ../${index}.diff`,
      );
      const here = diff.replaceAll(/^(diff --git|\+\+\+|---) (.*)$/gm, (all) =>
        all.replaceAll(/\b([ab])\/f$/g, `$1/g/${index}/f`).replaceAll(/\b([ab])\/f /g, `$1/g/${index}/f `),
      );
      const result = await bench.call(applyPatchTool, { patch: here });
      expect(result, here).toMatchObject({ outcome: 'ok' });
      expect((await bench.read(`g/${index}/f`)).toString(), here).toBe(now);
    }
    expect(distinct.length).toBeGreaterThan(15);
  });
});
