import { createInterface } from 'node:readline/promises';
import { type Client, SwitchyardError } from '@switchyard/client';
import type { Chunk } from '@switchyard/protocol';
import { harmless, type Terminal } from './demo-terminal.ts';

/** Asks the person at the terminal; null where nobody sits at it. */
export type AskPerson = ((question: string, signal: AbortSignal) => Promise<boolean>) | null;

/** What a run asks before some of its calls, answered by whoever watches the demo. */
export interface DemoConsent {
  /** Resolves once all that the run waits for is answered; at once for most chunks. */
  readonly see: (chunk: Chunk) => Promise<void>;
}

/** Collects a run's requests, and answers them when it waits. Without anybody to ask it refuses, and says why. */
export function createDemoConsent(options: {
  readonly client: Pick<Client, 'approve'>;
  readonly runId: string;
  readonly terminal: Terminal;
  readonly askPerson: AskPerson;
  readonly signal: AbortSignal;
}): DemoConsent {
  const { client, runId, terminal, askPerson, signal } = options;
  const requests = new Map<string, string>();
  /** A stream that begins anew shows waits that are over. */
  const answered = new Set<string>();

  async function answer(approvalId: string, question: string): Promise<void> {
    terminal.line(terminal.paint('yellow', `  ? ${question}`));
    const approved = askPerson ? await askPerson('    Allow it? [y/N] ', signal) : false;
    const reason = askPerson ? undefined : 'Nobody was there to be asked.';
    if (!askPerson) terminal.line(`    Refused: ${reason}`);
    try {
      await client.approve(runId, approvalId, { approved, ...(reason === undefined ? {} : { reason }) });
    } catch (error) {
      // Somebody else has answered meanwhile, or the run has been stopped.
      if (!(error instanceof SwitchyardError && error.code === 'conflict')) throw error;
    }
  }

  return {
    async see(chunk) {
      switch (chunk.type) {
        case 'tool-approval-request':
          requests.set(chunk.approvalId, harmless(chunk.reason ?? 'May this call run?'));
          return;
        case 'tool-approval-response':
          requests.delete(chunk.approvalId);
          return;
        case 'start':
        case 'reset-step':
          requests.clear();
          return;
        case 'data-run':
          if (chunk.data.status !== 'awaiting-approval') return;
          for (const [approvalId, question] of requests) {
            if (signal.aborted) return;
            if (!answered.has(approvalId)) await answer(approvalId, question);
            answered.add(approvalId);
          }
          requests.clear();
          return;
        default:
          return;
      }
    },
  };
}

/** Asks on this process's terminal; null when its input is none. Anything but yes is no, and so is an abort. */
export function personAtTerminal(): AskPerson {
  if (!process.stdin.isTTY) return null;
  return async (question, signal) => {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    // It takes Ctrl-C for itself; to the process it means the same as ever.
    terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    try {
      return /^y(es)?$/i.test((await terminal.question(question, { signal })).trim());
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    } finally {
      terminal.close();
    }
  };
}
