import type { Readable } from 'node:stream';
import type { JSONValue } from './json.ts';
import type { GlobAnswer, GlobRequest, SearchAnswer, SearchRequest } from './inside/search-files.ts';
import type {
  AttachOptions,
  CallRecord,
  Claim,
  CommandDeed,
  CommandOptions,
  CommandResult,
  CommandState,
} from './command.ts';

export type { AttachOptions, CallRecord, Claim, CommandDeed, CommandOptions, CommandResult, CommandState };

export interface FileStat {
  /** Relative to the workspace; `.` is the workspace itself. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  readonly size: number;
  /** Unix time in milliseconds. */
  readonly modifiedAtMs: number;
  /** Permission bits, for example 0o644. */
  readonly mode: number;
}

export interface FileContent {
  readonly bytes: Uint8Array;
  /** Of the whole file. */
  readonly size: number;
  /** Of the whole file, and the version that the reader saw last; null when no reader is named, or nothing is known. */
  readonly version: string | null;
  readonly lastSeen: string | null;
  /** Which file was opened, its size and its last change: pieces with one stamp are of one content. */
  readonly stamp: string;
}

/** Who reads and writes, for instance a thread; what it saw of a file is remembered until the sandbox starts anew. */
export interface FileReader {
  readonly id: string;
  /** What is read now counts as seen. */
  readonly isRemembered: boolean;
}

/** What must stand at a path for a change to happen: a version, nothing at all, or whatever it is. */
export type ExpectedVersion = { readonly version: string } | 'absent' | 'any';

export type FileChange =
  | {
      /** Makes missing folders; keeps an existing file's mode; writes through a link. */
      readonly kind: 'write';
      readonly path: string;
      readonly bytes: Uint8Array;
      /** Permission bits of a new file, default 0o644. */
      readonly mode?: number;
      /** An existing file gets that mode, too. */
      readonly isModeForced?: boolean;
      readonly expected?: ExpectedVersion;
    }
  | {
      /** A link itself, not what it leads to. */
      readonly kind: 'remove';
      readonly path: string;
      readonly expected?: ExpectedVersion;
      /** A folder goes with all that is in it; else only an empty one. */
      readonly isRecursive?: boolean;
    };

export interface Listing {
  /** Sorted by path; the directory itself is not among them. */
  readonly entries: readonly FileStat[];
  /** There were more than `maxEntries`. */
  readonly isTruncated: boolean;
}

/**
 * A project's sandbox, started. Paths are workspace paths (see `resolveWorkspacePath`), for `readFile` and `search` also
 * those of commands' logs; `AppError('invalid_path')` for others and for those that a link leads out of the workspace, `AppError('not_found')` for what is not there,
 * `sandbox_failed` and `sandbox_unavailable` when the sandbox itself is the trouble, `ClaimTakenError` when a claim is
 * no longer free.
 */
export interface Sandbox {
  readonly id: string;
  /** Sandbox id and start time of its pid 1: claims and processes do not outlive it. */
  readonly incarnation: string;
  run(options: CommandOptions): Promise<CommandResult>;
  /** Starts at `offset` (default 0) and reads at most `length` bytes (default and maximum: `maxReadBytes`). */
  readFile(
    path: string,
    options: {
      readonly offset?: number;
      readonly length?: number;
      readonly reader?: FileReader;
      readonly signal: AbortSignal;
    },
  ): Promise<FileContent>;
  /**
   * Writes a file that is not there yet or is as the reader saw it last, if he ever did; `AppError('conflict')` when it is
   * another by now. `replaced` is the beginning of what stood there (at most 64 KiB; empty when the first answer was
   * lost), null when there was nothing; `replacedResult` is recorded instead of the claim's result when there was.
   */
  replaceFile(options: {
    readonly path: string;
    readonly bytes: Uint8Array;
    readonly readerId: string;
    readonly signal: AbortSignal;
    readonly claim?: Claim;
    readonly replacedResult?: JSONValue;
  }): Promise<{ readonly replaced: Uint8Array | null }>;
  /** Atomic: readers see the old or the new content. Makes missing folders; keeps an existing file's mode. */
  writeFile(options: {
    readonly path: string;
    readonly bytes: Uint8Array;
    /** Permission bits of a new file, default 0o644. */
    readonly mode?: number;
    readonly signal: AbortSignal;
    readonly claim?: Claim;
  }): Promise<void>;
  /**
   * The same of a content that comes in pieces, whatever its size, which is used up. Not repeatable: an error of the
   * stream is this call's, and nothing has changed then.
   */
  writeStream(options: {
    readonly path: string;
    readonly content: Readable;
    readonly signal: AbortSignal;
  }): Promise<void>;
  /** Where a browser reaches what listens on the port, for so many seconds; the address is the permission. */
  previewUrl(
    port: number,
    options: { readonly forSeconds: number; readonly signal: AbortSignal },
  ): Promise<string>;
  /**
   * Makes all changes or none; no two for one path. `conflict` when something else stands at a path than is expected,
   * also when it comes there at the last moment. `readerId` has seen what it writes.
   */
  changeFiles(options: {
    readonly changes: readonly FileChange[];
    readonly readerId?: string;
    readonly signal: AbortSignal;
    readonly claim?: Claim;
  }): Promise<void>;
  /**
   * Renames a file, a folder or a link itself; makes missing folders. `invalid_path` when something stands at the new
   * path, unless `isReplacing` and both are no folders.
   */
  move(options: {
    readonly from: string;
    readonly to: string;
    readonly isReplacing?: boolean;
    readonly signal: AbortSignal;
    readonly claim?: Claim;
  }): Promise<void>;
  /** Null when nothing is there. Does not follow a link. */
  stat(path: string, options: { readonly signal: AbortSignal }): Promise<FileStat | null>;
  list(
    path: string,
    options: {
      /** 1 (default) is the folder's own entries. */
      readonly depth?: number;
      /** Default 1,000. */
      readonly maxEntries?: number;
      readonly signal: AbortSignal;
    },
  ): Promise<Listing>;
  /**
   * Lines that match, below a folder or in a file; takes linear time for any pattern, at most 20 s and 200,000 entries.
   * `invalid_request` when the pattern cannot be taken.
   */
  search(
    options: Pick<
      SearchRequest,
      | 'pattern'
      | 'isLiteral'
      | 'isCaseIgnored'
      | 'glob'
      | 'shows'
      | 'context'
      | 'skip'
      | 'maxShown'
      | 'maxBytes'
    > & { readonly path: string; readonly signal: AbortSignal },
  ): Promise<SearchAnswer>;
  /** Files and links by their paths below a folder, sorted; with the limits of `search`. */
  glob(
    options: Pick<GlobRequest, 'glob' | 'skip' | 'maxShown'> & {
      readonly path: string;
      readonly signal: AbortSignal;
    },
  ): Promise<GlobAnswer>;
  /** Removes a file, or a folder with all that is in it. The workspace itself is refused with `invalid_path`. */
  remove(options: {
    readonly path: string;
    readonly signal: AbortSignal;
    readonly claim?: Claim;
  }): Promise<void>;
  /**
   * Commands in the background: all of the sandbox without their output, or those of `ids` with what is new of it for
   * this reader. The same call asked again is answered the same, and with what came since. `{unknownId}` when there is
   * none of that id.
   */
  checkCommands(options: {
    readonly ids: readonly string[] | null;
    readonly readerId: string;
    readonly callId: string;
    /** Where to begin, in bytes, whatever the reader has seen. */
    readonly offset?: number;
    /** For something new, or for the end of all of them. */
    readonly until?: 'output' | 'end';
    readonly waitMs?: number;
    /** Of all outputs together. */
    readonly maxOutputBytes: number;
    readonly signal: AbortSignal;
  }): Promise<{ readonly commands: readonly CommandState[] } | { readonly unknownId: string }>;
  /** Writes to a command's input, closes it, or interrupts the command as Ctrl-C does. */
  sendInput(options: {
    readonly id: string;
    readonly text: string;
    readonly isClosing: boolean;
    readonly isInterrupting: boolean;
    readonly signal: AbortSignal;
    readonly claim: Claim;
  }): Promise<CommandDeed>;
  /** Ends a command with all of its process group: asks it to, and kills it three seconds later. */
  endCommand(options: {
    readonly id: string;
    readonly signal: AbortSignal;
    readonly claim: Claim;
  }): Promise<CommandDeed>;
  inspectCall(
    callId: string,
    incarnation: string,
    options: { readonly signal: AbortSignal },
  ): Promise<CallRecord>;
  /** Follows a command that another process started, from its first byte to its end. */
  attachCall(options: AttachOptions): Promise<CommandResult>;
  /**
   * Makes sure that nothing more happens of this call: takes its claim, so that a late start is refused, or kills
   * what still runs of it. True when it had not been started (also when the sandbox was started anew since: nothing
   * of the call can run or start there).
   */
  sealCall(callId: string, incarnation: string, options: { readonly signal: AbortSignal }): Promise<boolean>;
}
