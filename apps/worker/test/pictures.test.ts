import { AppError, newId, scriptedModel } from '@switchyard/protocol';
import type { Scenario } from '@switchyard/stand-ins';
import { createFile } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { execute, type Harness, startHarness } from './harness.ts';
import { entryOf, ways } from './model-ways.ts';
import { echo } from './test-tools.ts';

/** A picture of one pixel. */
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let harness: Harness;
beforeAll(async () => {
  const entries = ways.map((way) => entryOf(way, { supports: { images: true, tools: way.tools } }));
  harness = await startHarness([echo], { catalog: [scriptedModel, ...entries] });
});
afterAll(async () => {
  await harness.stop();
});

const twoSteps: Scenario['turns'] = [
  { steps: [{ toolCall: { name: 'echo', arguments: { text: 'a' } } }] },
  { steps: [{ text: 'I see.' }] },
];
const png = Buffer.from(pixel, 'base64');

/** Files of a message come with its run, or were uploaded before and are named by their addresses. */
type Way = 'uploaded' | 'named' | 'both';

/** Runs two steps over a message with these files; gives the requests, and how often each blob was read. */
async function runWith(
  model: string,
  attached: readonly { name: string; content: Buffer | AppError; size?: number; mediaType?: string }[],
  { way = 'uploaded', turns = twoSteps }: { way?: Way; turns?: Scenario['turns'] } = {},
) {
  const { project } = await harness.start({ turns: twoSteps });
  const blobs = new Map<string, (typeof attached)[number]>(attached.map((file) => [newId(), file]));
  const reads: string[] = [];
  const rows = await Promise.all(
    [...blobs].map(([objectKey, { name, content, size, mediaType = 'image/png' }]) =>
      createFile(harness.sql, harness.actor, {
        projectId: project.id,
        name,
        mediaType,
        size: size ?? (content instanceof AppError ? 10 : content.length),
        objectKey,
      }),
    ),
  );
  const name = `pictures-${newId()}`;
  harness.model.setScenario(name, { turns });
  const fileParts = rows.map(({ id, mediaType, name: filename }) => ({
    type: 'file' as const,
    url: `/v1/files/${id}`,
    mediaType,
    filename,
  }));
  const started = await harness.start(
    { turns: twoSteps },
    {
      model,
      projectId: project.id,
      files: (way === 'named' ? [] : rows.map(({ id }) => id)) as never,
      message: {
        parts: [
          { type: 'text', text: `Look. [[scenario:${name}]]` },
          ...(way === 'uploaded' ? [] : fileParts),
        ],
      },
    },
  );
  const before = harness.model.requests.length;
  const files = {
    read: async (key: string) => {
      const { content, name: read } = blobs.get(key)!;
      reads.push(read);
      if (content instanceof AppError) throw content;
      return new Blob([Uint8Array.from(content)]).stream();
    },
  };
  const ended = await execute(harness, started, { ...harness.worker, files });
  expect(ended.reason).toBe('answered');
  return { ended, reads, requests: harness.model.requests.slice(before).map(({ body }) => body) };
}

/** How each wire carries a picture. */
const pictureOn = {
  chat: { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
  responses: { type: 'input_image', image_url: `data:image/png;base64,${pixel}` },
  messages: { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } },
};
const countOf = (body: unknown) => JSON.stringify(body).split(pixel).length - 1;

describe.each(ways)('a picture that a person attached, over $wire with $tools calls', ({ wire, tools }) => {
  it.each<Way>(['uploaded', 'named', 'both'])(
    'and %s, is shown to a model that sees, beside its name, at each step alike, and read once',
    async (way) => {
      const { requests, reads, ended } = await runWith(
        `scripted:${wire}-${tools}`,
        [
          { name: 'plot.png', content: png },
          { name: 'data.csv', content: Buffer.from('a;b'), mediaType: 'text/csv' },
        ],
        { way },
      );
      expect(requests).toHaveLength(2);
      const conversations = requests.map(
        (body) => (body.input ?? body.messages) as { role: string; content: unknown[] }[],
      );
      for (const [index, conversation] of conversations.entries()) {
        const said = conversation.find(({ role }) => role === 'user')?.content ?? [];
        expect(said).toContainEqual(expect.objectContaining(pictureOn[wire]));
        expect(JSON.stringify(said)).toContain('/workspace/uploads/plot.png');
        expect(countOf(requests[index])).toBe(1);
      }
      expect(reads).toEqual(['plot.png']);
      // No row holds its bytes.
      const [row] = await harness.sql<{ text: string }[]>`
      select string_agg(p.part::text, '') as text from parts p join messages m on m.id = p.message_id
      where m.thread_id = ${ended.threadId}`;
      expect(row?.text).toContain('plot.png');
      expect(row?.text).not.toContain(pixel.slice(0, 40));
    },
  );
});

it('a picture is counted by what it costs, not by its bytes, where the provider counted nothing', async () => {
  const content = Buffer.concat([png, Buffer.alloc(1_000_000)]);
  const [first, ...rest] = twoSteps;
  const broken = { steps: [], ...first, faults: [{ kind: 'cut' as const, afterChunks: 1, times: 1 }] };
  const { ended, requests } = await runWith('scripted:chat-native', [{ name: 'plot.png', content }], {
    turns: [broken, ...rest],
  });
  expect(requests.map((body) => JSON.stringify(body).length > 1_300_000)).toEqual([true, true, true]);
  expect(ended.usage.estimated).toBe(true);
  // Of the two others the server counts four characters as one token, all of the picture's among them.
  const counted = 2 * (1_000_000 / 3);
  expect(ended.usage.inputTokens).toBeGreaterThan(counted);
  expect(ended.usage.inputTokens).toBeLessThan(counted * 1.2);
});

describe('a picture that cannot be shown', () => {
  it.each([
    ['is larger than providers take', { name: 'big.png', content: png, size: 5_000_000 }],
    ['is no picture', { name: 'fake.png', content: Buffer.from('<svg onload="x">') }],
    ['is gone', { name: 'gone.png', content: new AppError('not_found', 'The file does not exist.') }],
    ['cannot be read now', { name: 'away.png', content: new AppError('unavailable', 'Storage is away.') }],
  ])('since it %s is named, and the others are shown', async (_why, file) => {
    const { requests } = await runWith('scripted:chat-native', [file, { name: 'plot.png', content: png }]);
    expect(requests.map(countOf)).toEqual([1, 1]);
    expect(JSON.stringify(requests[0])).toContain(`/workspace/uploads/${file.name}`);
  });

  it('since the model sees nothing is only named, and not read', async () => {
    const { requests, reads } = await runWith('scripted', [{ name: 'plot.png', content: png }]);
    expect(requests.map(countOf)).toEqual([0, 0]);
    expect(JSON.stringify(requests[0])).toContain('/workspace/uploads/plot.png');
    expect(reads).toEqual([]);
  });

  it('since there are too many is left out from the oldest on', async () => {
    const many = Array.from({ length: 22 }, (_, index) => ({ name: `${index}.png`, content: png }));
    const { requests, reads } = await runWith('scripted:chat-native', many);
    expect(requests.map(countOf)).toEqual([20, 20]);
    expect(reads.toSorted()).toEqual(
      many
        .slice(2)
        .map(({ name }) => name)
        .toSorted(),
    );
  });
});
