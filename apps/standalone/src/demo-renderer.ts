import type { Chunk, DataParts, MessageMetadata } from '@switchyard/protocol';
import { harmless, type Terminal } from './demo-terminal.ts';
import { describeCall, describeResult, textOfResult } from './demo-tool-lines.ts';

/** One event as the renderer needs it; `ordinal` is null for what stands in no log. */
export interface ShownEvent {
  readonly epoch: number | null;
  readonly ordinal: number | null;
  readonly chunk: Chunk;
}

/** How the run ended, as its last chunks told it; null while it has not. */
export interface Ending {
  readonly kind: 'finish' | 'abort' | 'error';
  readonly errorText: string | null;
}

/** Shows a run as it happens. */
export interface DemoRenderer {
  readonly show: (event: ShownEvent) => void;
  readonly ending: () => Ending | null;
  readonly metadata: () => MessageMetadata | null;
  readonly steps: () => number;
}

interface Call {
  readonly toolName: string;
  startedAt: number;
  /** Live output that has no line end yet. */
  rest: string;
  lines: number;
  hidden: number;
}

/** Live output of one call that is shown; what is more is counted. Two screens would hide the rest of the run. */
const maxOutputLines = 20;

/** Renders chunks on a terminal; `now` is in milliseconds. */
export function createDemoRenderer(terminal: Terminal, now: () => number): DemoRenderer {
  const calls = new Map<string, Call>();
  let steps = 0;
  let epoch = 0;
  let lastOrdinal = 0;
  let hasStarted = false;
  let isReplay = false;
  let todosShown: ReadonlySet<string> = new Set();
  let speaker: string | null = null;
  let ending: Ending | null = null;
  let metadata: MessageMetadata | null = null;
  const { line, paint, fit } = terminal;

  const dim = (text: string) => paint('dim', text);

  function callOf(toolCallId: string): Call {
    const call = calls.get(toolCallId) ?? {
      toolName: 'tool',
      startedAt: now(),
      rest: '',
      lines: 0,
      hidden: 0,
    };
    calls.set(toolCallId, call);
    return call;
  }

  function showCall(toolCallId: string, toolName: string, input: unknown): void {
    const call: Call = { toolName, startedAt: now(), rest: '', lines: 0, hidden: 0 };
    calls.set(toolCallId, call);
    // The plan is shown as a list by its own chunk, and the summary as what it is.
    if (toolName === 'todo') return;
    if (toolName === 'complete') {
      const { summary } = input as { summary?: unknown };
      if (typeof summary === 'string') line(`\n${harmless(summary).trim()}`);
      return;
    }
    speaker = toolCallId;
    line(
      `  ${paint('cyan', '▸')} ${paint('bold', harmless(toolName))} ${fit(describeCall(toolName, input), toolName.length + 5)}`,
    );
  }

  function showOutput(toolCallId: string, text: string): void {
    const call = callOf(toolCallId);
    const lines = (call.rest + harmless(text)).split('\n');
    call.rest = lines.pop() ?? '';
    for (const one of lines) showOutputLine(toolCallId, call, one);
  }

  function showOutputLine(toolCallId: string, call: Call, text: string): void {
    call.lines += 1;
    if (call.lines > maxOutputLines) {
      call.hidden += 1;
      return;
    }
    // Calls run side by side: when the speaker changes the line says whose it is.
    if (speaker !== toolCallId) line(`  ${dim(`${call.toolName}:`)}`);
    speaker = toolCallId;
    line(`    ${dim(`│ ${fit(text, 6)}`)}`);
  }

  function endCall(toolCallId: string, text: string, isFailure: boolean): void {
    const call = callOf(toolCallId);
    if (call.rest !== '') showOutputLine(toolCallId, call, call.rest);
    if (call.hidden > 0) line(`    ${dim(`│ … ${call.hidden} more lines`)}`);
    calls.delete(toolCallId);
    if (!isFailure && (call.toolName === 'todo' || call.toolName === 'complete')) return;
    const mark = isFailure ? paint('red', '✗') : paint('green', '✓');
    const whose = speaker === toolCallId ? '' : `${call.toolName}: `;
    speaker = toolCallId;
    const seconds = formatSeconds(now() - call.startedAt);
    line(`    ${mark} ${whose}${fit(text, 20 + whose.length)} ${dim(seconds)}`);
  }

  function showResult(toolCallId: string, output: unknown): void {
    const call = callOf(toolCallId);
    // A command whose output was not seen while it ran: its result is the first that is heard of it.
    if (call.toolName === 'shell' && call.lines === 0 && call.rest === '') {
      const text = textOfResult(output);
      if (text.trim() !== '') showOutput(toolCallId, text.endsWith('\n') ? text : `${text}\n`);
    }
    const { text, isFailure } = describeResult(output);
    endCall(toolCallId, text, isFailure);
  }

  /** The whole list once, later only what changed: the plan would fill the screen otherwise. */
  function showTodos({ todos }: DataParts['todo']): void {
    const marks = { open: '○', 'in-progress': paint('yellow', '◐'), done: paint('green', '●') } as const;
    const list = todos.map(({ text, status }) => {
      const shown = harmless(text);
      return `  ${marks[status]} ${status === 'done' ? dim(shown) : shown}`;
    });
    for (const one of list) if (!todosShown.has(one)) line(one);
    todosShown = new Set(list);
    // Whatever result comes next says again whose it is.
    speaker = null;
  }

  function showRun({ status, epoch: claimed, queuePosition }: DataParts['run']): void {
    if (status === 'queued' || status === 'pending') {
      line(dim(`Waiting in the queue${queuePosition === undefined ? '' : ` (place ${queuePosition})`} …`));
    } else if (claimed > 1 && claimed > epoch) line(paint('yellow', 'Another worker goes on with the run.'));
  }

  /** True when the event was shown before: a stream that begins anew repeats what is on the screen already. */
  function isSeen({ ordinal, chunk }: ShownEvent): boolean {
    if (chunk.type === 'start') {
      isReplay = hasStarted;
      hasStarted = true;
    }
    if (ordinal === null) return isReplay;
    if (ordinal <= lastOrdinal) return true;
    lastOrdinal = ordinal;
    isReplay = false;
    return false;
  }

  function show(event: ShownEvent): void {
    const { chunk } = event;
    if (isSeen(event)) return;
    switch (chunk.type) {
      case 'start-step':
        steps += 1;
        terminal.endLine();
        line();
        line(paint('bold', `Step ${steps}`));
        break;
      case 'reset-step':
        line(paint('yellow', 'The step was interrupted and is taken again.'));
        break;
      case 'text-delta':
      case 'reasoning-delta':
        speaker = null;
        terminal.text(chunk.type === 'reasoning-delta' ? dim(harmless(chunk.delta)) : harmless(chunk.delta));
        break;
      case 'text-end':
      case 'reasoning-end':
        terminal.endLine();
        break;
      case 'tool-input-available':
        showCall(chunk.toolCallId, chunk.toolName, chunk.input);
        break;
      case 'tool-input-error':
        showCall(chunk.toolCallId, chunk.toolName, chunk.input);
        endCall(chunk.toolCallId, harmless(chunk.errorText), true);
        break;
      case 'data-tool-output':
        showOutput(chunk.data.toolCallId, chunk.data.text);
        break;
      case 'tool-output-available':
        showResult(chunk.toolCallId, chunk.output);
        break;
      case 'tool-output-error':
        endCall(chunk.toolCallId, harmless(chunk.errorText), true);
        break;
      case 'tool-output-denied':
        endCall(chunk.toolCallId, 'denied', true);
        break;
      case 'data-todo':
        showTodos(chunk.data);
        break;
      case 'data-run':
        showRun(chunk.data);
        break;
      case 'data-notice':
        line(paint('yellow', harmless(chunk.data.text)));
        break;
      case 'message-metadata':
        metadata = chunk.messageMetadata;
        break;
      case 'finish':
      case 'abort':
        ending = { kind: chunk.type, errorText: null };
        break;
      case 'error':
        ending = { kind: 'error', errorText: harmless(chunk.errorText) };
        break;
      default:
        // Beginnings, input deltas and what later releases add say nothing that a terminal has to show.
        break;
    }
    epoch = event.epoch ?? epoch;
  }

  return { show, ending: () => ending, metadata: () => metadata, steps: () => steps };
}

/** `0.42 s`, `12.3 s`, `3 min 5 s`. */
export function formatSeconds(ms: number): string {
  if (ms >= 60_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${(ms / 1000).toFixed(ms >= 10_000 ? 1 : 2)} s`;
}
