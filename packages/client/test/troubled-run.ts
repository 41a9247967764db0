import { type Chunk, chunksOfParts, type MessagePart } from '@switchyard/protocol';
import fc from 'fast-check';
import { applyChunks } from '../src/index.ts';
import { frameOf } from './recorded-run.ts';

/** What happens to a run's log, in order. */
type Act =
  | { readonly kind: 'append'; readonly chunk: Chunk }
  | { readonly kind: 'takeOver' }
  | { readonly kind: 'loseLog'; readonly inStep: boolean };

/** A run as its worker, its log and its gateway live through it. */
export interface TroubledRun {
  readonly acts: readonly Act[];
  /** What an undisturbed run would have streamed. */
  readonly chunks: readonly Chunk[];
}

const word = fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom('a', 'é', '🙂', '\n', ' ', '"') });

/** The chunks of one step but for its marks; texts have the same ids in every step, as a model's have. */
const stepBody = fc
  .array(
    fc.oneof(
      fc.record({ kind: fc.constant('text' as const), words: fc.array(word, { maxLength: 4 }) }),
      fc.record({ kind: fc.constant('reasoning' as const), words: fc.array(word, { maxLength: 3 }) }),
      fc.record({ kind: fc.constant('tool' as const), words: fc.array(word, { maxLength: 2 }) }),
      fc.record({ kind: fc.constant('todo' as const), words: fc.array(word, { maxLength: 2 }) }),
    ),
    { maxLength: 4 },
  )
  .map((parts) =>
    parts.flatMap(({ kind, words }, index): Chunk[] => {
      const id = `${kind}-${index}`;
      switch (kind) {
        case 'text':
          return [
            { type: 'text-start', id },
            ...words.map((delta) => ({ type: 'text-delta', id, delta }) as const),
            { type: 'text-end', id },
          ];
        case 'reasoning':
          return [
            { type: 'reasoning-start', id },
            ...words.map((delta) => ({ type: 'reasoning-delta', id, delta }) as const),
            { type: 'reasoning-end', id },
          ];
        case 'tool':
          return [
            { type: 'tool-input-start', toolCallId: id, toolName: 'shell' },
            { type: 'tool-input-available', toolCallId: id, toolName: 'shell', input: words },
            { type: 'tool-output-available', toolCallId: id, output: words.join('') },
          ];
        case 'todo':
          return [
            { type: 'data-todo', data: { todos: [{ text: words.join(''), status: 'open' }] } },
            { type: 'data-run', data: { runId: 'run-1', status: 'running', epoch: 1 }, transient: true },
          ];
      }
    }),
  );

/** A try at a step that its worker did not live to store. */
const failedTry = fc.record({
  body: stepBody,
  length: fc.nat(12),
  losesLog: fc.boolean(),
  inStep: fc.boolean(),
});

export const troubledRun: fc.Arbitrary<TroubledRun> = fc
  .record({
    steps: fc.array(fc.record({ body: stepBody, tries: fc.array(failedTry, { maxLength: 2 }) }), {
      minLength: 1,
      maxLength: 4,
    }),
    title: fc.option(word, { nil: null }),
    losesLogAtEnd: fc.boolean(),
  })
  .map(({ steps, title, losesLogAtEnd }) => {
    const beginning: Chunk[] = [
      { type: 'start', messageId: 'message-1' },
      { type: 'data-run', data: { runId: 'run-1', status: 'running', epoch: 1 }, transient: true },
      ...(title === null ? [] : [{ type: 'data-title', data: { title } } as const]),
    ];
    const ending: Chunk[] = [
      { type: 'message-metadata', messageMetadata: { steps: steps.length } as never },
      { type: 'finish', finishReason: 'stop' },
    ];
    const append = (chunks: readonly Chunk[]) => chunks.map((chunk): Act => ({ kind: 'append', chunk }));
    const acts = append(beginning);
    steps.forEach(({ body, tries }, index) => {
      // A call's id is used once in a run, and a data part's id in one step.
      const named = numbered(body, `${index}`);
      let isOpen = false;
      tries.forEach(({ body: attempt, length, losesLog, inStep }, nth) => {
        if (!isOpen) acts.push(...append([{ type: 'start-step' }]));
        acts.push(...append(numbered(attempt, `${index}.${nth}`).slice(0, length)));
        if (losesLog) acts.push({ kind: 'loseLog', inStep });
        else acts.push({ kind: 'takeOver' }, ...append([{ type: 'reset-step' }]));
        isOpen = !losesLog || inStep;
      });
      if (!isOpen) acts.push(...append([{ type: 'start-step' }]));
      acts.push(...append([...named, { type: 'finish-step' }]));
    });
    acts.push(...append(ending));
    if (losesLogAtEnd) acts.push({ kind: 'loseLog', inStep: false });
    const chunks = [
      ...beginning,
      ...steps.flatMap(({ body }, index): Chunk[] => [
        { type: 'start-step' },
        ...numbered(body, `${index}`),
        { type: 'finish-step' },
      ]),
      ...ending,
    ];
    return { acts, chunks };
  });

function numbered(body: readonly Chunk[], step: string): Chunk[] {
  return body.map((chunk) =>
    'toolCallId' in chunk ? { ...chunk, toolCallId: `${chunk.toolCallId}/${step}` } : chunk,
  );
}

interface Entry {
  readonly id: string;
  readonly chunk: Chunk;
}

/** One connection: what happens before it, and when it breaks. */
export interface ConnectionPlan {
  /** How many acts pass while nobody is connected. */
  readonly missed: number;
  /** How many acts it lives to see. */
  readonly seen: number;
  /** Which part of its bytes arrives; 1 = all. */
  readonly arrives: number;
}

export const connectionPlans = fc.array(
  fc.record({ missed: fc.nat(6), seen: fc.nat(12), arrives: fc.double({ min: 0, max: 1, noNaN: true }) }),
  { maxLength: 12 },
);

/** Serves a troubled run: each connection gets what a gateway would write on it, as bytes, and is then cut. */
export function serveTroubledRun({ acts, chunks }: TroubledRun, plans: readonly ConnectionPlan[]) {
  let at = 0;
  let epoch = 1;
  let ordinal = 0;
  let base = { ordinal: 0, epoch: 1, storedSteps: 0, inStep: false };
  let log: Entry[] = [];
  let closedSteps = 0;
  let connections = 0;
  const isOver = () => at === acts.length;
  const lastId = () => `${epoch}-${ordinal}`;

  function happen(act: Act): Entry | 'lost' | null {
    switch (act.kind) {
      case 'append': {
        ordinal += 1;
        if (act.chunk.type === 'finish-step') closedSteps += 1;
        const entry = { id: `${epoch}-${ordinal}`, chunk: act.chunk };
        log.push(entry);
        return entry;
      }
      case 'takeOver':
        epoch += 1;
        return null;
      case 'loseLog':
        if (!isOver()) epoch += 1;
        log = [];
        base = { ordinal, epoch, storedSteps: closedSteps, inStep: act.inStep };
        return 'lost';
    }
  }

  function storedParts(steps: number): MessagePart[] {
    let seen = 0;
    const stored = chunks.filter(({ type }) => {
      if (type === 'start-step') seen += 1;
      return seen <= steps;
    });
    return applyChunks(undefined, stored).parts;
  }

  function snapshot(): string {
    const isEnd = isOver() && log.length === 0;
    const frames: Chunk[] = [
      { type: 'start', messageId: 'message-1' },
      ...chunksOfParts(storedParts(base.storedSteps), { closeLastStep: true }),
      ...(isEnd ? chunks.slice(-2) : base.inStep ? [{ type: 'start-step' } as const] : []),
    ];
    const id = isEnd ? lastId() : `${base.epoch}-${base.ordinal}`;
    return frames.map((chunk, index) => frameOf(chunk, index === frames.length - 1 ? id : null)).join('');
  }

  /** What the gateway finds after a cursor: the rest of the log, or all anew. */
  function replay(cursor: string | null): string {
    const frames = (entries: readonly Entry[]) => entries.map(({ id, chunk }) => frameOf(chunk, id)).join('');
    if (cursor === null) return (base.ordinal === 0 ? '' : snapshot()) + frames(log);
    const place = log.findIndex(({ id }) => id === cursor);
    if (place !== -1) return frames(log.slice(place + 1));
    if (cursor === `${base.epoch}-${base.ordinal}` && !isOver()) return frames(log);
    return (base.ordinal === 0 ? '' : snapshot()) + frames(log);
  }

  return {
    get connections() {
      return connections;
    },
    /** Lets the run go on to the act after which `until` is true, as nobody watches. */
    pass(until: (entry: Entry) => boolean): string {
      for (;;) {
        const entry = happen(acts[at++]!);
        if (entry !== null && entry !== 'lost' && until(entry)) return entry.id;
      }
    },
    connect(cursor: string | null, { first = '' } = {}): Response {
      const plan = plans[connections];
      connections += 1;
      for (let missed = 0; missed < (plan?.missed ?? 0) && !isOver(); missed += 1) {
        at += 1;
        happen(acts[at - 1]!);
      }
      if (cursor !== null && isOver() && log.at(-1)?.id === cursor)
        return new Response(null, { status: 204 });
      let text = first + replay(cursor);
      let isCut = plan !== undefined;
      for (let seen = 0; seen < (plan?.seen ?? Infinity) && !isOver(); seen += 1) {
        at += 1;
        const entry = happen(acts[at - 1]!);
        if (entry === 'lost') {
          isCut = true;
          break;
        }
        if (entry) text += frameOf(entry.chunk, entry.id);
      }
      const bytes = new TextEncoder().encode(text);
      const arrived = isCut ? bytes.slice(0, Math.floor(bytes.length * (plan?.arrives ?? 1))) : bytes;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('retry: 0\n\n'));
          controller.enqueue(arrived);
        },
        pull(controller) {
          if (isCut) controller.error(new TypeError('terminated'));
          else controller.close();
        },
      });
      return new Response(body, {
        headers: { 'content-type': 'text/event-stream', 'x-run-id': 'run-1' },
      });
    },
  };
}
