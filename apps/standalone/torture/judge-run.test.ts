import { type Chunk, noUsage, type Run, type SwitchyardMessage } from '@switchyard/protocol';
import { describe, expect, it } from 'vitest';
import { messageOf } from '../fleet/judge-frames.ts';
import type { Deed } from './deeds.ts';
import type { RunEvidence } from './evidence.ts';
import { judgeRun } from './judge-run.ts';
import type { SeenFrame, Sighting } from './watch.ts';

const began = Date.parse('2026-01-01T00:00:00Z');
const ended = new Date(began + 60_000).toISOString();
const output = { exitCode: 0, output: 'did 1\n' };
const metadata = { status: 'completed', reason: 'answered' };

/** A run of two steps, the first of which has an effect, as its log has it. */
const chunks = [
  { type: 'start', messageId: 'message' },
  { type: 'start-step' },
  { type: 'tool-input-available', toolCallId: 'call', toolName: 'shell', input: { command: 'echo' } },
  { type: 'tool-output-available', toolCallId: 'call', output },
  { type: 'finish-step' },
  { type: 'start-step' },
  { type: 'text-start', id: 'text' },
  { type: 'text-delta', id: 'text', delta: 'Done.' },
  { type: 'text-end', id: 'text' },
  { type: 'finish-step' },
  { type: 'message-metadata', messageMetadata: metadata },
  { type: 'finish' },
] as unknown as Chunk[];
const frames: readonly SeenFrame[] = chunks.map((chunk, index) => ({
  id: `${index < 5 ? 1 : 2}-${index + 1}`,
  data: JSON.stringify(chunk),
  at: began + index * 1000,
}));
const message = (await messageOf(frames)) as SwitchyardMessage;

const run: Run = {
  id: 'run',
  threadId: 'thread',
  projectId: 'project',
  messageId: 'message',
  status: 'completed',
  reason: 'answered',
  model: 'scripted:demo',
  limits: {},
  usage: noUsage,
  costUsd: 0,
  steps: 2,
  error: null,
  lastEventId: '2-12',
  cancel: null,
  createdAt: new Date(began).toISOString(),
  startedAt: new Date(began).toISOString(),
  endedAt: ended,
};

function sightingOf(seen: readonly SeenFrame[], changes: Partial<Sighting> = {}): Sighting {
  return { who: 'a viewer', frames: seen, isDone: true, replaysAt: [], faults: [], ...changes };
}

const asked = { status: 200, abortedAt: null };
const good: RunEvidence = {
  plan: {
    name: 'effects',
    scenario: { turns: [{ steps: [] }, { steps: [] }] },
    marks: [{ file: 'marks/1', output: 'did 1\n', consent: null }],
  },
  run,
  cancel: 'not wanted',
  isEdited: false,
  sightings: [sightingOf(frames), sightingOf(frames)],
  message,
  storedParts: message.parts,
  usage: { total: 10, counted: 10, open: 0, exact: 2 },
  lines: [1],
  requests: [
    { ...asked, turn: 0, receivedAt: began, endedAt: began + 1500 },
    { ...asked, turn: 1, receivedAt: began + 4500, endedAt: began + 8500 },
  ],
  workerPid: 7,
  deeds: [],
};

const kill = (at: number, pid = 7): Deed => ({ what: 'kill a worker', at, until: at, pid });

async function violationsIn(changes: Partial<RunEvidence>): Promise<string[]> {
  return (await judgeRun({ ...good, ...changes })).map(
    ({ kind, count, words }) => `${kind} ${count}: ${words}`,
  );
}
const seenBy = (seen: readonly SeenFrame[], changes?: Partial<Sighting>) => ({
  sightings: [sightingOf(frames), sightingOf(seen, changes)],
});

describe('the judge of a run', () => {
  it('finds nothing where nothing is wrong', async () => {
    expect(await violationsIn({})).toEqual([]);
  });

  it('finds what a viewer lost, got twice, or was shown anew for no reason', async () => {
    expect(await violationsIn(seenBy(frames.toSpliced(6, 2)))).toContainEqual(
      expect.stringMatching(/^lost 2/),
    );
    expect(await violationsIn(seenBy(frames.slice(0, -1)))).toContainEqual(expect.stringMatching(/^lost 1/));
    const twice = frames.toSpliced(8, 0, ...frames.slice(7, 8));
    expect(await violationsIn(seenBy(twice))).toContainEqual(expect.stringMatching(/^repeated 1/));
    const anew = seenBy([...frames.slice(0, 8), ...frames], { replaysAt: [began + 30_000] });
    expect(await violationsIn(anew)).toEqual([expect.stringMatching(/^repeated 1.*all anew/)]);
    expect(await violationsIn({ ...anew, deeds: [kill(began + 59_000)] })).toEqual([]);
    expect(await violationsIn({ ...anew, deeds: [kill(began + 59_000, 8)] })).toHaveLength(1);
    const flush: Deed = { what: 'flush Redis', at: began + 1000, until: began + 1001, pid: null };
    expect(await violationsIn({ ...anew, deeds: [flush] })).toEqual([]);
    expect(await violationsIn({ ...anew, deeds: [{ ...flush, at: began + 31_000 }] })).toHaveLength(1);
    // Its end was a long time in coming: after its last event but one had been shown it is not excused any more.
    const early = { ...run, endedAt: new Date(began + 5000).toISOString() };
    const anewAt = (at: number) => seenBy([...frames.slice(0, 8), ...frames], { replaysAt: [began + at] });
    expect(await violationsIn({ run: early, ...anewAt(8000) })).toEqual([]);
    expect(await violationsIn({ run: early, ...anewAt(5500) })).toHaveLength(1);
    expect(await violationsIn({ run: early, ...anewAt(12_000) })).toHaveLength(1);
  });

  it('finds a viewer without an end, one with another message, and two who got different events by one name', async () => {
    expect(await violationsIn(seenBy(frames.slice(0, 5), { isDone: false }))).toEqual([
      expect.stringContaining('did not come to the end'),
    ]);
    const other = frames.with(7, {
      ...frames[7]!,
      data: '{"type":"text-delta","id":"text","delta":"Gone."}',
    });
    const found = await violationsIn(seenBy(other));
    expect(found).toContainEqual(expect.stringContaining('another message'));
    expect(found).toContainEqual(expect.stringContaining('got 2-8'));
    expect(await violationsIn({ message: null })).toEqual([
      expect.stringContaining('does not show its message'),
    ]);
    expect(await violationsIn({ message: null, isEdited: true })).toEqual([]);
    expect(await violationsIn(seenBy(frames, { faults: ['the stream answered 500'] }))).toHaveLength(1);
  });

  it('finds an effect that happened twice, and a call that says what is not so', async () => {
    expect(await violationsIn({ lines: [2] })).toContainEqual(expect.stringMatching(/^run twice 1/));
    expect(await violationsIn({ lines: [0] })).toEqual([expect.stringContaining('says that it ran')]);
    const failed = (errorText: string) => ({
      message: null,
      isEdited: true,
      sightings: [],
      storedParts: [{ type: 'tool-shell', toolCallId: 'call', state: 'output-error', input: {}, errorText }],
    });
    const unknown = failed('Interrupted; outcome unknown; inspect before repeating.');
    expect(await violationsIn(unknown)).toEqual([expect.stringContaining('its call failed')]);
    expect(await violationsIn({ ...unknown, deeds: [kill(began + 2000)] })).toEqual([]);
    expect(await violationsIn({ ...failed('No.'), deeds: [kill(began + 2000)] })).toHaveLength(1);
  });

  it('finds a step that was asked for again after it had ended, but for who was frozen and aborts', async () => {
    const again = { ...asked, turn: 0, receivedAt: began + 6000, endedAt: began + 7000 };
    expect(await violationsIn({ requests: [...good.requests, again] })).toEqual([
      expect.stringMatching(/^paid twice 1: step 1/),
    ]);
    const aborted = { ...again, endedAt: null, abortedAt: began + 6100 };
    const freeze: Deed = { what: 'freeze a worker', at: began, until: began + 5900, pid: 7 };
    expect(await violationsIn({ requests: [...good.requests, aborted] })).toHaveLength(1);
    expect(await violationsIn({ requests: [...good.requests, aborted], deeds: [freeze] })).toEqual([]);
  });

  it('finds usage that does not add up', async () => {
    const { usage } = good;
    expect(await violationsIn({ usage: { ...usage, counted: 20 } })).toHaveLength(1);
    expect(await violationsIn({ usage: { ...usage, open: 1 } })).toHaveLength(1);
    expect(await violationsIn({ usage: { ...usage, exact: 1 } })).toHaveLength(1);
  });

  it('finds an end that nobody caused, and a stop that was promised and did not come', async () => {
    expect(await violationsIn({ cancel: 'promised' })).toEqual([
      expect.stringContaining('stop was promised'),
    ]);
    expect(
      await violationsIn({ run: { ...run, status: 'cancelled', reason: 'cancelled' }, sightings: [] }),
    ).toHaveLength(1);
    const crashed: Partial<RunEvidence> = {
      run: { ...run, status: 'failed', reason: 'crash-loop' },
      sightings: [],
    };
    const kills = [20_000, 30_000, 40_000].map((after) => kill(began + after));
    expect(await violationsIn({ ...crashed, deeds: kills })).toEqual([]);
    expect(await violationsIn({ ...crashed, deeds: kills.slice(1) })).toHaveLength(1);
    expect(await violationsIn({ ...crashed, deeds: kills.with(0, kill(began + 1000)) })).toHaveLength(1);
    expect(
      await violationsIn({ ...crashed, run: { ...run, status: 'failed', reason: 'internal' } }),
    ).toHaveLength(1);
    const finished = { ...run, status: 'failed', reason: 'crash-loop' } as const;
    expect(await violationsIn({ run: finished, deeds: kills })).toContainEqual(
      expect.stringContaining('and its stream with {"type":"finish"}'),
    );
  });
});
