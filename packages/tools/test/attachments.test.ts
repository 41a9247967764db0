import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askTool } from '../src/ask.ts';
import { completeTool } from '../src/complete.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  await bench.write('out/Größen 2.csv', 'a;b\n');
  await bench.write('report.PDF', Buffer.alloc(1000));
  await bench.sandbox.run({
    command: 'ln -s report.PDF latest; ln -s /etc/passwd away',
    timeoutMs: 10_000,
    signal: new AbortController().signal,
  });
}, 60_000);
afterAll(() => bench.close());

const complete = (attachments: readonly string[]) =>
  bench.call(completeTool, { summary: 'Done.', attachments: [...attachments] }, { callId: 'call' });

describe('the files that go with an answer', () => {
  test('are shown with name, kind and size, each once, in their order', async () => {
    expect(
      await complete(['/workspace/report.PDF', 'out/Größen 2.csv', './out/../report.PDF', 'latest']),
    ).toEqual({
      outcome: 'ok',
      output: 'The run is completed.',
      data: [
        {
          type: 'data-file',
          id: 'call-0',
          data: { path: 'report.PDF', name: 'report.PDF', mediaType: 'application/pdf', size: 1000 },
        },
        {
          type: 'data-file',
          id: 'call-1',
          data: { path: 'out/Größen 2.csv', name: 'Größen 2.csv', mediaType: 'text/csv', size: 4 },
        },
        {
          type: 'data-file',
          id: 'call-2',
          data: { path: 'latest', name: 'latest', mediaType: 'application/octet-stream', size: 1000 },
        },
      ],
      end: { reason: 'finished' },
    });
  });

  test('go with a question, too', async () => {
    const result = await bench.call(askTool, { question: 'This one?', attachments: ['report.PDF'] });
    expect(result).toMatchObject({
      data: [{ type: 'data-file', data: { path: 'report.PDF' } }],
      end: { reason: 'asked' },
    });
  });

  test('that are not there, or are folders, keep the run from ending', async () => {
    expect(await complete(['report.PDF', 'missing.txt', 'out'])).toEqual({
      outcome: 'error',
      message:
        'Nothing was handed over. missing.txt does not exist. out is a folder: pack it into an archive. Mend the attachments and call again.',
    });
  });

  test.each(['../etc/passwd', 'away'])('are never outside of the workspace: %s', async (path) => {
    await expect(complete([path])).rejects.toMatchObject({ code: 'invalid_path' });
  });
});
