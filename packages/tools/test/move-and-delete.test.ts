import { randomUUID } from 'node:crypto';
import { ClaimTakenError } from '@switchyard/sandbox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteTool } from '../src/delete.ts';
import { moveTool } from '../src/move.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
const never = new AbortController().signal;

beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench.close());

const shell = async (command: string): Promise<string> =>
  (await bench.sandbox.run({ command, timeoutMs: 60_000, signal: never })).output;
const recordOf = async (callId: string) => {
  const record = await bench.sandbox.inspectCall(callId, bench.sandbox.incarnation, { signal: never });
  if (record.state !== 'recorded') throw new Error(record.state);
  return record;
};

describe('move', () => {
  test('renames a file or a folder, and runs once', async () => {
    await shell('mkdir -p m/folder && echo a > m/a && echo b > m/folder/b');
    const callId = randomUUID();
    const input = { from: 'm/a', to: 'm/deep/er/a2' };
    const first = await bench.call(moveTool, input, { callId });
    expect(first).toEqual({ outcome: 'ok', output: { ...input, outcome: 'moved' } });
    await bench.call(moveTool, { from: '/workspace/m/folder', to: 'm/other' });
    expect(await shell('cd m && find . -type f | sort')).toBe('./deep/er/a2\n./other/b\n');
    await shell('echo again > m/a');
    await expect(bench.call(moveTool, input, { callId })).rejects.toThrow(ClaimTakenError);
    expect(moveTool.recover?.(await recordOf(callId), input)).toEqual(first);
  });

  test('replaces a file only when it is told to', async () => {
    await shell('mkdir -p n/folder && echo a > n/a && echo b > n/b');
    const callId = randomUUID();
    const input = { from: 'n/a', to: 'n/b' };
    await expect(bench.call(moveTool, input, { callId })).rejects.toThrow('n/b exists already.');
    expect(moveTool.recover?.(await recordOf(callId), input)).toEqual({
      outcome: 'error',
      message: 'n/b exists already.',
    });
    const onFolder = bench.call(moveTool, { from: 'n/a', to: 'n/folder', overwrite: true });
    await expect(onFolder).rejects.toThrow('n/folder is a folder.');
    expect(await bench.call(moveTool, { ...input, overwrite: true })).toMatchObject({ outcome: 'ok' });
    expect(await shell('ls n; cat n/b')).toBe('b\nfolder\na\n');
  });

  test('refuses what makes no sense', async () => {
    expect(await bench.call(moveTool, { from: 'n', to: '/workspace/n/' })).toMatchObject({
      outcome: 'error',
    });
    expect(await bench.call(moveTool, { from: 'n', to: 'n/in/itself' })).toEqual({
      outcome: 'error',
      message: 'n/in/itself lies within n. Nothing was moved.',
    });
    await expect(bench.call(moveTool, { from: 'none', to: 'x' })).rejects.toThrow('none does not exist.');
    await expect(bench.call(moveTool, { from: '.', to: 'x' })).rejects.toThrow('workspace itself');
    await expect(bench.call(moveTool, { from: 'n/b', to: '../b' })).rejects.toThrow('leaves the workspace');
  });
});

describe('delete', () => {
  test('deletes all that are named or none', async () => {
    await shell('mkdir -p d/empty d/full && cd d && touch a b full/c && ln -s full link');
    const input = { paths: ['d/a', 'd/none', 'd/b'] };
    await expect(bench.call(deleteTool, input)).rejects.toThrow('d/none does not exist.');
    await expect(bench.call(deleteTool, { paths: ['d/a', 'd/full'] })).rejects.toThrow(
      'd/full is a folder and not empty.',
    );
    expect(await shell('ls d')).toBe('a\nb\nempty\nfull\nlink\n');
    const done = await bench.call(deleteTool, {
      paths: ['d/a', '/workspace/d/b', 'd/a', 'd/empty', 'd/link'],
    });
    expect(done).toEqual({ outcome: 'ok', output: { deleted: ['d/a', 'd/b', 'd/empty', 'd/link'] } });
    expect(await shell('ls d; ls d/full')).toBe('full\nc\n');
    await bench.call(deleteTool, { paths: ['d/full/c', 'd/full', 'd'], recursive: true });
    expect(await shell('ls')).not.toContain('d\n');
  });

  test('runs once, and its record makes the same result', async () => {
    await shell('echo a > once');
    const callId = randomUUID();
    const first = await bench.call(deleteTool, { paths: ['once'] }, { callId });
    await shell('echo again > once');
    await expect(bench.call(deleteTool, { paths: ['once'] }, { callId })).rejects.toThrow(ClaimTakenError);
    expect(deleteTool.recover?.(await recordOf(callId), { paths: ['once'] })).toEqual(first);
    expect(await shell('cat once')).toBe('again\n');
  });

  test('never takes the workspace itself', async () => {
    await expect(bench.call(deleteTool, { paths: ['.'], recursive: true })).rejects.toThrow(
      'workspace itself',
    );
    await expect(bench.call(deleteTool, { paths: ['..'], recursive: true })).rejects.toThrow(
      'leaves the workspace',
    );
  });

  test('asks a person before it deletes many', () => {
    const many = Array.from({ length: 11 }, (_, index) => `f${index}`);
    expect(deleteTool.consent?.({ paths: many.slice(0, 10) })).toBeNull();
    expect(deleteTool.consent?.({ paths: many })).toBe(
      'Delete 11 files: f0, f1, f2, f3, f4 and 6 more. There is no way back.',
    );
    expect(deleteTool.consent?.({ paths: ['build'], recursive: true })).toBe(
      'Delete build, folders with all that is in them. There is no way back.',
    );
  });
});
