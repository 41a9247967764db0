import { maxJsonBytes } from '@switchyard/protocol';

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** Every bound of the HTTP edge in one place. Sizes in bytes, times in milliseconds. */
export const limits = {
  /** A body of JSON; 200 kB of input are fine. */
  jsonBytes: maxJsonBytes,
  /** A whole multipart body. It is held in memory until it is stored (guess: fits the smallest machine many times). */
  multipartBytes: 32 * mebibyte,
  /** A body of a chat: the client sends its whole history along, with the files that it holds as data urls. */
  chatBytes: 32 * mebibyte,
  /** One data url of a message, decoded. */
  dataUrlBytes: 4 * mebibyte,
  uploadFiles: 20,
  /** Bodies larger than `jsonBytes` held at a time by one process, and of one account; more are asked to come again. */
  largeBodies: { places: 4, share: 2 },
  /** What must arrive of a large body in each such time, so that nobody holds a place by a trickle (guess: a bad phone). */
  largeBodyPace: { bytes: 256 * kibibyte, everyMs: 10_000 },
  /** How long a multipart body may take to arrive: the largest one over 1 Mbit/s. */
  uploadTimeoutMs: 300_000,
  /** How long the url lives to which a file's own redirects. */
  fileUrlS: 300,
  /** Entries of one folder of a workspace. */
  listedEntries: 1000,
  /** What a search may ask for. */
  searchLength: 200,
  /** Fields of a multipart body besides its files. */
  uploadFields: 20,
  /** The head of one part of a multipart body: its name, its file's name, its type. */
  partHeadBytes: 16 * kibibyte,
  /** Values in a large body of JSON (guess: a history of some thousand messages); each costs what no byte shows. */
  jsonValues: 500_000,
  idempotencyKeyLength: 255,
  /** How long a body of JSON may take to arrive. */
  bodyTimeoutMs: 60_000,
  /** How long the rest of a refused body is taken before its connection is cut. */
  discardMs: 1000,
  /** A long poll for the end of a run. */
  waitMs: 60_000,
  page: { default: 50, max: 200 },
  /** How many faults one problem document names. */
  reportedFaults: 20,
  /** How much of a file that is read out of a workspace is held at a time. */
  downloadPageBytes: mebibyte,
  /** One file put into a workspace; its bytes go through in pieces. */
  workspaceFileBytes: 4096 * mebibyte,
  /** A client who sends nothing of such a file for this long is cut off. */
  stalledUploadMs: 60_000,
  /** How long the address of a port is good for. */
  previewS: 3600,
  /** A client who takes nothing of a download for this long is cut off. */
  stalledDownloadMs: 60_000,
  /** One question to a sandbox: a page of a file, or a folder. It may have to start before it answers. */
  sandboxTimeoutMs: 120_000,
  /** Verified tokens are remembered until they expire, but no longer than this: a withdrawn signing key counts then. */
  tokenCacheMs: 300_000,
  /** A revoked API key works no longer than this. */
  apiKeyCacheMs: 10_000,
  cachedIdentities: 10_000,
  /** Clocks of issuer and gateway may differ by this. */
  clockToleranceS: 5,
  keySetTimeoutMs: 5000,
  stream: {
    /** Proxies commonly cut connections that are silent for 30-60 s. */
    commentMs: 15_000,
    /** What may wait in memory for one viewer; above it he is served from the log at his own pace. */
    viewerBufferBytes: 256 * kibibyte,
    /** A viewer who takes nothing for this long is cut off. */
    stalledViewerMs: 60_000,
    /** Recent frames kept per followed run, so that most rejoins need no read. */
    recentBytes: 64 * kibibyte,
    recentFrames: 256,
    /** What one read of the log should bring (guess: some milliseconds of writing), and its bounds in events. */
    pageBytes: 256 * kibibyte,
    pageEvents: { first: 100, min: 10, max: 1000 },
    /** How long an ended run's log may take to show the end before the store is asked instead. */
    endGraceMs: 1000,
    /** One query in this time finds what ended among all followed runs. */
    pollMs: 1000,
    /** Told to viewers of a gateway that stops; each gets a random time up to it, so that not all return at once. */
    retryMs: 1000,
  },
} as const;
