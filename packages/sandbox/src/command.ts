import type { JSONValue } from './json.ts';

/**
 * The right to do one side effect at most once. The claim is taken inside the sandbox, by the same command that does
 * the effect, and holds only in the incarnation that the ledger recorded.
 */
export interface Claim {
  readonly callId: string;
  /** `Sandbox.incarnation` as it stands in the ledger. */
  readonly incarnation: string;
  /** The tool's own result, recorded with the effect, when it is known before the effect. */
  readonly result?: JSONValue;
}

export interface CommandOptions {
  /** Shell text (bash where the sandbox has it, else sh); may span lines and hold heredocs. */
  readonly command: string;
  /** A workspace path; by default the session's folder, else `/workspace`. */
  readonly cwd?: string;
  /**
   * Names a session: its folder and exported variables live on from one of its commands to the next, until the sandbox
   * starts anew. Commands of one session must not run side by side. Without it a command starts with what the sandbox
   * has for all.
   */
  readonly session?: string;
  /** From the start of the command; when it has passed the whole process group is killed, unless it is `left`. */
  readonly timeoutMs: number;
  /**
   * Lets a command that reaches its timeout go on in the background, if there is room; it is killed otherwise. `result`
   * says so by its outcome `running`.
   */
  readonly isLeftAtTimeout?: boolean;
  /**
   * Starts it in the background: `run` answers once it has ended or a moment has passed. Needs a claim, by whose call it
   * is found again. `AppError('conflict')` when as many run as may.
   */
  readonly isBackground?: boolean;
  /** Who has seen the output that `run` gives, when the command goes on (see `checkCommands`). */
  readonly readerId?: string;
  /** What `output` holds at most, in bytes (default 1 MiB): the head and the tail, a mark between them. */
  readonly maxOutputBytes?: number;
  /** Gives `output` as a terminal would show it in the end: without escape sequences and lines that were drawn over. */
  readonly isTerminalText?: boolean;
  /** Aborting it kills the command's process group at once; `run` then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /**
   * Live output; never splits a character. Both streams come in their true order, as one, named `stdout`; a reader
   * that is megabytes behind gets a mark for what was left out.
   */
  readonly onOutput?: (stream: 'stdout' | 'stderr', text: string) => void;
  /**
   * Whether this reason of the signal kills the command (default: any does). One that is not killed goes on under its
   * claim, for another worker to attach to: for a hand-over or a lost run.
   */
  readonly isKilledBy?: (reason: unknown) => boolean;
  readonly claim?: Claim;
}

/** As for `run`; the time counts from the attachment. */
export interface AttachOptions extends Pick<
  CommandOptions,
  | 'timeoutMs'
  | 'isLeftAtTimeout'
  | 'readerId'
  | 'maxOutputBytes'
  | 'isTerminalText'
  | 'signal'
  | 'onOutput'
  | 'isKilledBy'
> {
  readonly callId: string;
  readonly incarnation: string;
}

export interface CommandResult {
  /** As the shell gives it (128 + n after signal n); null when it was killed from here, and while it goes on. */
  readonly exitCode: number | null;
  readonly outcome: 'exited' | 'timed-out' | 'killed' | 'running';
  /** Stdout and stderr as they came, interleaved. */
  readonly output: string;
  readonly isTruncated: boolean;
  /** All that it printed, as it was printed: how much, and the file that holds it, null when it was too much to keep. */
  readonly log: { readonly path: string | null; readonly bytes: number };
  readonly durationMs: number;
}

/** What the sandbox knows of a call after its worker has gone. */
export type CallRecord =
  /** Nobody started it. */
  | { readonly state: 'free' }
  /** Started or sealed, and no end is recorded: it runs, or it was cut. `attachCall` finds out. */
  | { readonly state: 'started'; readonly startedMsAgo: number }
  /** `exitCode` and `output` belong to commands; `result` is what the claim carried. */
  | {
      readonly state: 'recorded';
      readonly exitCode: number | null;
      /** It was killed because its time was over. */
      readonly isTimedOut: boolean;
      readonly output: string;
      readonly result: JSONValue | null;
      readonly logPath: string;
    }
  /** The sandbox was started anew since: nobody can tell. */
  | { readonly state: 'unknown' };

/** A command that was started in the background or left there. */
export interface CommandState {
  /** Of its call: see `commandIdOf`. */
  readonly id: string;
  /** As it was given, cut; empty when that is not known. */
  readonly command: string;
  /** `flooded`: killed for printing too much. `lost`: nobody recorded its end. */
  readonly status: 'running' | 'exited' | 'killed' | 'flooded' | 'lost';
  readonly exitCode: number | null;
  readonly startedSecondsAgo: number;
  /** Whether something can be written to it. */
  readonly hasInput: boolean;
  /** What is new of its output, as a terminal would show it in the end. */
  readonly output: string;
  /** Where in its output that begins, and how much there is in all, in bytes. */
  readonly from: number;
  readonly size: number;
  readonly logPath: string;
}

/** How a deed to a command in the background ended; `unread`: it does not read what it is given. */
export type CommandDeed = 'done' | 'unknown' | 'ended' | 'closed' | 'unread';
