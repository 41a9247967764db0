import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createClient, type Client, type FollowedEvent, SwitchyardError } from '@switchyard/client';
import type { MessageMetadata } from '@switchyard/protocol';
import { chaosInstruction, createDemoChaos, type DemoChaos, type KillWorker } from './demo-chaos.ts';
import { type AskPerson, createDemoConsent } from './demo-consent.ts';
import { createDemoRenderer, formatSeconds } from './demo-renderer.ts';
import { saveReport } from './demo-report.ts';
import { type DemoOutput, openTerminal, type Terminal } from './demo-terminal.ts';

export interface DemoOptions {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly task: string;
  /** Absolute paths of the files to attach. */
  readonly files: readonly string[];
  readonly output: DemoOutput;
  /** Who is asked before a call that needs consent. */
  readonly askPerson: AskPerson;
  /** Aborting it cancels the run; the demo still shows how it ends. */
  readonly signal: AbortSignal;
  /** The folder that gets the report. */
  readonly saveTo: string;
  /** Ends the worker at once: with it the demo drops streams and kills the worker, and judges what becomes of the run. */
  readonly killWorker?: KillWorker;
}

/** How long a cancelled run may take to say its end. Guess: cancelling takes milliseconds, a dead gateway for ever. */
const cancelDeadlineMs = 10_000;

/** A request to start is not cut at once: the run would go on with nobody to cancel it. Guess: a start takes milliseconds. */
const startGraceMs = 3000;

/** What the run is asked to leave behind. */
const reportPath = 'report.md';

/**
 * Runs one task on a Switchyard that is up and shows it on the terminal; uses the public API alone. The exit code is 0 for a
 * completed run, else 1: the last lines say why. Never throws for what a server, a file or the network does.
 */
export async function runDemo(options: DemoOptions): Promise<{ readonly exitCode: number }> {
  const terminal = openTerminal(options.output);
  const { gatewayUrl: url, apiKey: token, killWorker } = options;
  const client = createClient({ url, token });
  const chaos = killWorker ? createDemoChaos({ terminal, killWorker, now: () => performance.now() }) : null;
  const follower = chaos ? createClient({ url, token, fetch: chaos.fetch }) : client;
  try {
    return { exitCode: await followTask({ client, follower, chaos }, options, terminal) };
  } catch (error) {
    if (options.signal.aborted) terminal.line(terminal.paint('yellow', 'Cancelled.'));
    else terminal.line(terminal.paint('red', explain(error)));
    return { exitCode: 1 };
  }
}

async function followTask(
  {
    client,
    follower,
    chaos,
  }: { readonly client: Client; readonly follower: Client; readonly chaos: DemoChaos | null },
  options: DemoOptions,
  terminal: Terminal,
): Promise<number> {
  const { files, signal, saveTo } = options;
  const { line, paint } = terminal;
  const uploads = await Promise.all(
    files.map(async (file) => ({ name: path.basename(file), content: await readFile(file) })),
  );
  const task = chaos ? `${options.task}\n\n${chaosInstruction}` : options.task;
  line(`${paint('bold', 'Task')}  ${task.replaceAll('\n\n', ' ')}`);
  for (const { name, content } of uploads) {
    line(`${paint('bold', 'File')}  ${name} (${content.length.toLocaleString('en-US')} bytes)`);
  }
  const { run, project } = await client.startRun(
    { input: task },
    { files: uploads, signal: abortedLater(signal, startGraceMs) },
  );
  line(`${paint('bold', 'Run')}   ${run.id} ${paint('dim', `with ${run.model}`)}`);

  const renderer = createDemoRenderer(terminal, () => performance.now());
  const { askPerson } = options;
  const consent = createDemoConsent({ client, runId: run.id, terminal, askPerson, signal });
  const see = async (event: FollowedEvent) => {
    renderer.show(event);
    chaos?.see(event);
    await consent.see(event.chunk);
  };
  await follow({ client: follower, runId: run.id, see, terminal, signal });
  const ending = renderer.ending();
  const metadata = renderer.metadata();
  terminal.endLine();
  line();
  line(summaryLine(metadata, renderer.steps()));
  const isUnharmed = chaos ? await chaos.report(client, run) : true;
  if (ending?.kind !== 'finish') {
    const why =
      ending?.errorText ?? (ending?.kind === 'abort' ? 'It was cancelled.' : 'Its stream ended early.');
    line(paint('red', `The run did not complete: ${why}`));
    return 1;
  }
  const report = await readReport(client, project.id, signal);
  if (report) line(`Report: ${paint('bold', await saveReport(saveTo, report))}`);
  return isUnharmed ? 0 : 1;
}

/** Shows the run to its end. A cancel asks the server to stop and goes on watching until it has. */
async function follow(watch: {
  readonly client: Client;
  readonly runId: string;
  readonly see: (event: FollowedEvent) => Promise<void>;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { client, runId, see, terminal, signal } = watch;
  const watching = new AbortController();
  let cancelling: Promise<void> | undefined;
  let deadline: NodeJS.Timeout | undefined;
  const cancel = () => {
    terminal.line(terminal.paint('yellow', 'Cancelling …'));
    deadline = setTimeout(() => watching.abort(new Error('The run did not end in time.')), cancelDeadlineMs);
    cancelling = client.cancel(runId).then(
      () => undefined,
      (error: unknown) => watching.abort(error),
    );
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  try {
    for await (const event of client.followRun(runId, { signal: watching.signal })) await see(event);
    await cancelling;
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener('abort', cancel);
  }
}

function abortedLater(signal: AbortSignal, graceMs: number): AbortSignal {
  const later = new AbortController();
  const abort = () => setTimeout(() => later.abort(signal.reason), graceMs).unref();
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return later.signal;
}

/** Null when the run left no report: a task in words need not. */
async function readReport(
  client: Client,
  projectId: string,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    return await client.readFile(projectId, reportPath, { signal });
  } catch (error) {
    if (error instanceof SwitchyardError && error.code === 'not_found') return null;
    throw error;
  }
}

function summaryLine(metadata: MessageMetadata | null, steps: number): string {
  if (!metadata) return `${steps} steps`;
  const { status, reason, usage, costUsd, durationMs } = metadata;
  return [
    `${status}${reason === null ? '' : ` (${reason})`}`,
    `${metadata.stepCount} steps`,
    ...(durationMs === null ? [] : [formatSeconds(durationMs)]),
    `${usage.inputTokens.toLocaleString('en-US')} tokens in, ${usage.outputTokens.toLocaleString('en-US')} out${usage.estimated ? ' (partly estimated)' : ''}`,
    costUsd === null ? 'cost not known' : `$${costUsd.toFixed(4)}`,
  ].join(' · ');
}

function explain(error: unknown): string {
  if (error instanceof SwitchyardError) return error.detail;
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT' && 'path' in error) {
    return `There is no file ${String(error.path)}.`;
  }
  return error instanceof Error ? error.message : String(error);
}
