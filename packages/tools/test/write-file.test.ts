import { randomUUID } from 'node:crypto';
import { ClaimTakenError } from '@switchyard/sandbox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeFileTool } from '../src/write-file.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
const never = new AbortController().signal;

beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench.close());

const inspect = (callId: string) =>
  bench.sandbox.inspectCall(callId, bench.sandbox.incarnation, { signal: never });

describe('write_file', () => {
  test('makes folders and says whether the file is new', async () => {
    const input = { path: 'new/folder/über.txt', content: 'Grüße\n' };
    expect(await bench.call(writeFileTool, input)).toEqual({
      outcome: 'ok',
      output: { path: 'new/folder/über.txt', outcome: 'created', bytes: 8 },
    });
    expect(await bench.call(writeFileTool, { ...input, content: '' })).toMatchObject({
      output: { outcome: 'overwritten', bytes: 0 },
    });
    expect(await bench.read('new/folder/über.txt')).toHaveLength(0);
  });

  test('puts a large file in place whole', async () => {
    const content = 'line of a large file\n'.repeat(40_000);
    await bench.call(writeFileTool, { path: 'large.txt', content });
    expect((await bench.read('large.txt')).toString()).toBe(content);
  });

  test('says what the old content had that the new one has not', async () => {
    await bench.write('dos.txt', '\ufeffone\r\ntwo\r\n');
    expect(await bench.call(writeFileTool, { path: 'dos.txt', content: 'one\n' })).toEqual({
      outcome: 'ok',
      output: {
        path: 'dos.txt',
        outcome: 'overwritten',
        bytes: 4,
        note: 'The old content had CRLF line ends and a byte order mark; the new one has not.',
      },
    });
  });

  test('recovers its own result from the claim, and refuses a second try', async () => {
    const callId = randomUUID();
    const input = { path: 'claimed.txt', content: 'first' };
    const first = await bench.call(writeFileTool, input, { callId });
    await expect(bench.call(writeFileTool, { ...input, content: 'second' }, { callId })).rejects.toThrow(
      ClaimTakenError,
    );
    expect((await bench.read('claimed.txt')).toString()).toBe('first');
    const record = await inspect(callId);
    if (record.state !== 'recorded') throw new Error(record.state);
    expect(writeFileTool.recover?.(record, input)).toEqual(first);
  });

  test('refuses a file that is another than the model has seen, and says so after a crash, too', async () => {
    const input = { path: 'seen.txt', content: 'mine' };
    expect(await bench.call(writeFileTool, input)).toMatchObject({ outcome: 'ok' });
    await bench.write('seen.txt', 'theirs');
    const callId = randomUUID();
    const refusal = {
      outcome: 'error',
      message:
        'seen.txt has changed since you last read or wrote it here: a command, another conversation or a person did it. Nothing was changed. Read it again, then decide.',
    };
    expect(await bench.call(writeFileTool, input, { callId })).toEqual(refusal);
    expect((await bench.read('seen.txt')).toString()).toBe('theirs');
    const record = await inspect(callId);
    if (record.state !== 'recorded') throw new Error(record.state);
    expect(writeFileTool.recover?.(record, input)).toEqual(refusal);
  });

  test('recovers that it has overwritten a file', async () => {
    const callId = randomUUID();
    const input = { path: 'overwritten.txt', content: 'second' };
    await bench.write('overwritten.txt', 'first');
    const result = await bench.call(writeFileTool, input, { callId });
    expect(result).toMatchObject({ output: { outcome: 'overwritten' } });
    const record = await inspect(callId);
    if (record.state !== 'recorded') throw new Error(record.state);
    expect(writeFileTool.recover?.(record, input)).toEqual(result);
  });

  test('leaves the workspace by no path, and says what stands in the way', async () => {
    await expect(bench.call(writeFileTool, { path: '../x', content: '' })).rejects.toThrow(
      'leaves the workspace',
    );
    await bench.write('a-file', 'x');
    const callId = randomUUID();
    const blocked = { path: 'a-file/below', content: '' };
    await expect(bench.call(writeFileTool, blocked, { callId })).rejects.toThrow(
      'The folder of a-file/below cannot be made.',
    );
    const record = await inspect(callId);
    if (record.state !== 'recorded') throw new Error(record.state);
    expect(writeFileTool.recover?.(record, blocked)).toEqual({
      outcome: 'error',
      message: 'The folder of a-file/below cannot be made.',
    });
  });
});
