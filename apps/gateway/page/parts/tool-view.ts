import { isToolPart, toolNameOf } from './tool-part.ts';
import type { ToolPart } from '@switchyard/protocol';
import { element, fill, setText } from '../element.ts';
import { formatDuration } from '../format.ts';
import { icon, type IconName } from '../icon.ts';
import { fileChip } from './file-chip.ts';
import { createApprovalView } from './approval-view.ts';
import type { PartActions, PartView } from './part-view.ts';
import { createTerminalView, type TerminalView } from './terminal-view.ts';
import { renderToolBody } from './tool-body.ts';
import { membersOf, textOfResult, wordsOfCall, wordsOfResult } from './tool-words.ts';

/** A call on the screen, which also takes its live output. */
export interface ToolView extends PartView {
  readonly toolCallId: string;
  appendOutput(text: string): void;
}

/** Tools whose path names a file that can be shown. */
const fileTools = new Set(['read_file', 'write_file', 'str_replace']);
/** A guess. */
const maxGlanceLines = 10;

type Look = 'preparing' | 'running' | 'approval' | 'done' | 'failed' | 'denied' | 'cut';

const lookWords: Readonly<Record<Look, string>> = {
  preparing: 'being prepared',
  running: 'running',
  approval: 'needs approval',
  done: 'done',
  failed: 'failed',
  denied: 'denied',
  cut: 'did not end',
};

/**
 * A call in one line that unfolds. It is open while it runs and prints, when it failed, when somebody has to decide and when
 * it printed little; else closed, until a person opens it. What is inside is made when it is first open.
 */
export function createToolView(first: ToolPart, actions: PartActions): ToolView {
  const { toolCallId } = first;
  const toolName = toolNameOf(first);
  const mark = element('span', { class: 'tool-mark' });
  const verb = element('span', { class: 'tool-verb' });
  const subject = element('code', { class: 'tool-subject' });
  const outcome = element('span', { class: 'tool-outcome' });
  const state = element('span', { class: 'for-screen-readers' });
  const summary = element('summary', {}, mark, verb, subject, outcome, state, icon('chevron'));
  const body = element('div', { class: 'tool-body' });
  const details = element('details', { class: 'tool' }, summary, body);
  let part = first;
  let drawn: ToolPart | null = null;
  let terminal: TerminalView | null = null;
  let approval: { readonly id: string; readonly view: HTMLElement } | null = null;
  let isTouched = false;
  /** The terminal shows the whole result: live output that comes in the same frame is in it already. */
  let isFromResult = false;
  let look: Look | null = null;
  let kind: IconName = 'tool';

  summary.addEventListener('click', () => (isTouched = true));
  details.addEventListener('toggle', drawBody);

  function drawBody(): void {
    if (!details.open || drawn === part) return;
    drawn = part;
    if (part.state === 'output-available' && toolName === 'shell') {
      const text = textOfResult(part.output);
      // Seen from its end only: a message that was stored has no live output.
      if (text !== '' && isQuiet(terminal)) {
        terminalOf().append(text);
        isFromResult = true;
      }
    }
    fill(body, ...renderToolBody(toolName, part, terminal?.element ?? null), fileOf(part), approvalOf(part));
    if (terminal) terminal.element.scrollTop = terminal.element.scrollHeight;
  }

  function terminalOf(): TerminalView {
    terminal ??= createTerminalView('Output');
    return terminal;
  }

  /** The file that is there now, in full. */
  function fileOf({ state, input }: ToolPart): HTMLElement | null {
    const { path } = membersOf(input);
    if (state !== 'output-available' || typeof path !== 'string' || !fileTools.has(toolName)) return null;
    const name = path.slice(path.lastIndexOf('/') + 1);
    return fileChip({ name, size: null }, () => actions.openFile(path.replace(/^\/workspace\//, '')));
  }

  function approvalOf({ state, approval: asked }: ToolPart): HTMLElement | null {
    if (state !== 'approval-requested' || !asked) return null;
    if (approval?.id !== asked.id) {
      const { consent } = membersOf(part.input);
      const question =
        typeof consent === 'string' && consent.trim() !== ''
          ? consent
          : 'This step needs your approval before it runs.';
      const view = createApprovalView({ approvalId: asked.id, question }, actions);
      approval = { id: asked.id, view };
    }
    return approval.view;
  }

  function drawSummary(isLive: boolean): void {
    // While the input still grows each look at it parses it anew: once the subject is known that is enough.
    if (part.state !== 'input-streaming' || subject.textContent === '') {
      const words = wordsOfCall(toolName, part.input);
      kind = words.icon;
      setText(verb, words.verb);
      setText(subject, words.subject);
    }
    const result = part.state === 'output-available' ? wordsOfResult(part.output) : null;
    const next = lookOf(part, { isLive, isFailure: result?.isFailure ?? false });
    if (look !== next) {
      details.className = `tool is-${next}`;
      fill(mark, iconOfLook(next, kind));
      setText(state, `, ${lookWords[next]}`);
    }
    const took = result
      ? membersOf(part.state === 'output-available' ? part.output : null)['durationMs']
      : null;
    const remarks = [
      next === 'approval' ? 'needs your approval' : (result?.text ?? ''),
      next === 'denied' ? 'not allowed' : '',
      next === 'cut' ? 'did not end' : '',
      typeof took === 'number' && took >= 100 ? formatDuration(took) : '',
    ];
    setText(outcome, remarks.filter((remark) => remark !== '').join(' · '));
    if (look !== next && !isTouched) {
      details.open =
        next === 'failed' ||
        next === 'approval' ||
        (next === 'running' && !isQuiet(terminal)) ||
        (next === 'done' && toolName === 'shell' && hasShortOutput(part));
    }
    look = next;
  }

  return {
    element: details,
    toolCallId,
    fits: (other) => isToolPart(other) && other.toolCallId === toolCallId && toolNameOf(other) === toolName,
    update(next, isLive) {
      if (!isToolPart(next)) return;
      part = next;
      drawSummary(isLive);
      drawBody();
    },
    appendOutput(text) {
      if (isFromResult) return;
      const isFirst = isQuiet(terminal);
      terminalOf().append(text);
      if (!isFirst) return;
      if (look === 'running' && !isTouched) details.open = true;
      drawn = null;
      drawBody();
    },
  };
}

/** What fits into a glance may as well be seen; long output folds away when the command ends. */
function hasShortOutput(part: ToolPart): boolean {
  if (part.state !== 'output-available') return false;
  const lines = textOfResult(part.output).trim().split('\n');
  return lines.length <= maxGlanceLines && lines[0] !== '';
}

function isQuiet(terminal: TerminalView | null): boolean {
  return terminal === null || terminal.isEmpty();
}

function lookOf(
  part: ToolPart,
  { isLive, isFailure }: { readonly isLive: boolean; readonly isFailure: boolean },
): Look {
  switch (part.state) {
    case 'input-streaming':
      return isLive ? 'preparing' : 'cut';
    case 'input-available':
    case 'approval-responded':
      return isLive ? 'running' : 'cut';
    case 'approval-requested':
      return isLive ? 'approval' : 'cut';
    case 'output-available':
      return isFailure ? 'failed' : 'done';
    case 'output-error':
      return 'failed';
    case 'output-denied':
      return 'denied';
  }
}

function iconOfLook(look: Look, kind: IconName): Node {
  switch (look) {
    case 'preparing':
    case 'running':
      return element('span', { class: 'spinner' });
    case 'approval':
      return icon('question');
    case 'failed':
      return icon('alert');
    case 'denied':
      return icon('cross');
    case 'done':
    case 'cut':
      return icon(kind);
  }
}
