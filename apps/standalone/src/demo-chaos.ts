import { applyChunk, type Client, type FollowedEvent } from '@switchyard/client';
import type { SwitchyardMessage } from '@switchyard/protocol';
import { formatSeconds } from './demo-renderer.ts';
import type { Terminal } from './demo-terminal.ts';
import { isSameJson } from './same-json.ts';

/** Where the run notes its commands, so that one that ran twice is seen. */
const commandLog = 'commands.log';

/** What the task is told besides: only the sandbox knows how often a command really ran. */
export const chaosInstruction = `Note each command in ${commandLog} before it runs.`;

/** Ends the worker at once and gives its pid; null when it is not ours to end. */
export type KillWorker = () => Promise<number | null>;

/** Faults that the demo brings upon itself, and what became of the run. */
export interface DemoChaos {
  /** The fetch of the client that follows the run: its streams can be dropped. */
  readonly fetch: typeof fetch;
  /** Sees each event after it is shown, and strikes at some of them. */
  readonly see: (event: FollowedEvent) => void;
  /** Says what happened. False when anything was lost, repeated or run twice, or not all faults came about. */
  readonly report: (
    client: Client,
    run: { readonly id: string; readonly threadId: string; readonly projectId: string },
  ) => Promise<boolean>;
}

interface Blow {
  readonly what: string;
  readonly at: number;
  /** The run goes on with an event of a later claim than this one. */
  readonly epoch: number;
  /** Of the first such event. */
  backAt: number | null;
}

/** Early enough to be in the first step, and late in the step that goes on after the crash. Guesses. */
const eventsBeforeFirstDrop = 12;
const eventsAfterCrashBeforeSecondDrop = 8;
/** Its third step is the first that changes something. */
const crashStep = 3;

/**
 * Drops the stream in the first step, kills the worker while a command of a later one begins, and drops the stream once
 * more in what the next worker sends. `now` is in milliseconds.
 */
export function createDemoChaos(options: {
  readonly terminal: Terminal;
  readonly killWorker: KillWorker;
  readonly now: () => number;
}): DemoChaos {
  const { terminal, killWorker, now } = options;
  const blows: Blow[] = [];
  const streams = new Set<AbortController>();
  const ordinals: number[] = [];
  let message: SwitchyardMessage | undefined;
  let steps = 0;
  let crashedEpoch: number | null = null;
  let sinceCrash = 0;
  let drops = 0;
  let killing: Promise<void> = Promise.resolve();

  function strike(what: string, epoch: number): void {
    blows.push({ what, at: now(), epoch, backAt: null });
    terminal.line(terminal.paint('red', `⚡ ${what}`));
  }

  function drop(): void {
    drops += 1;
    strike('The stream is dropped.', 0);
    for (const stream of streams) stream.abort(new TypeError('The line is cut.'));
  }

  async function kill(epoch: number): Promise<void> {
    const pid = await killWorker();
    strike(
      pid === null
        ? 'The worker cannot be killed: it is not ours.'
        : `The worker is killed (kill -9 ${pid}).`,
      epoch,
    );
  }

  function come(epoch: number): void {
    for (const blow of blows) {
      if (blow.backAt !== null || epoch <= blow.epoch) continue;
      blow.backAt = now();
      terminal.line(terminal.paint('green', `⚡ Back after ${formatSeconds(blow.backAt - blow.at)}.`));
    }
  }

  return {
    async fetch(input, init) {
      const stream = new AbortController();
      streams.add(stream);
      const signals = [stream.signal, ...(init?.signal ? [init.signal] : [])];
      return await fetch(input, { ...init, signal: AbortSignal.any(signals) });
    },
    see({ epoch, ordinal, chunk }) {
      if (chunk.type === 'start') message = undefined;
      message = applyChunk(message, chunk);
      if (ordinal === null) return;
      come(epoch);
      ordinals.push(ordinal);
      if (chunk.type === 'start-step') steps += 1;
      if (drops === 0 && ordinals.length >= eventsBeforeFirstDrop) drop();
      if (
        crashedEpoch === null &&
        steps >= crashStep &&
        chunk.type === 'tool-input-available' &&
        chunk.toolName === 'shell'
      ) {
        crashedEpoch = epoch;
        killing = kill(epoch);
      }
      if (crashedEpoch !== null && epoch > crashedEpoch) sinceCrash += 1;
      if (drops === 1 && sinceCrash >= eventsAfterCrashBeforeSecondDrop) drop();
    },
    async report(client, { id, threadId, projectId }) {
      await killing;
      const { run } = await client.getRun(id);
      const { messages } = await client.messages(threadId);
      const total = Number(run.lastEventId?.split('-')[1] ?? 0);
      const distinct = new Set(ordinals).size;
      const isStored = isSameJson(
        message,
        messages.find(({ id: messageId }) => messageId === message?.id),
      );
      const commands = await readCommands(client, projectId);
      const repeats = commands.length - new Set(commands).size;
      const judged = {
        lost: total - distinct,
        repeated: ordinals.length - distinct,
        'run twice': repeats,
      };
      terminal.line();
      terminal.line(terminal.paint('bold', 'Chaos'));
      for (const { what, at, backAt } of blows) {
        terminal.line(
          `  ${what} ${backAt === null ? 'Nothing came after it.' : `Back after ${formatSeconds(backAt - at)}.`}`,
        );
      }
      terminal.line(
        `  ${total} events and ${commands.length} commands: ${Object.entries(judged)
          .map(([name, count]) => `${count} ${name}`)
          .join(', ')}.`,
      );
      terminal.line(`  What was shown ${isStored ? 'is' : 'IS NOT'} what is stored.`);
      const isWhole = blows.length === 3 && blows.every(({ backAt }) => backAt !== null);
      if (!isWhole) terminal.line('  The run was too short for all of it.');
      return isWhole && isStored && Object.values(judged).every((count) => count === 0);
    },
  };
}

/** The lines of the run's own log; none when it kept none. */
async function readCommands(client: Client, projectId: string): Promise<string[]> {
  const bytes = await client.readFile(projectId, commandLog).catch(() => new Uint8Array());
  return new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '');
}
