import type { Run } from '@switchyard/protocol';
import { announce } from './announce.ts';
import { element, setText } from './element.ts';
import { formatClock, formatCost, formatCount } from './format.ts';
import { icon } from './icon.ts';
import { wordsOfStatus } from './run-words.ts';

/** What the line above the task box says while a run is active. */
export interface ActiveRun {
  readonly status: Run['status'];
  readonly queuePosition: number | null;
  readonly steps: number;
  /** Unix time in milliseconds. */
  readonly startedAt: number;
  readonly totalTokens: number;
  readonly costUsd: number | null;
}

export interface RunStatusView {
  readonly element: HTMLElement;
  /** Null when nothing runs. */
  update(run: ActiveRun | null): void;
  /** A stop was asked for and has not arrived yet. */
  setStopping(isStopping: boolean): void;
}

/** The line that says that something runs, for how long, what it took so far, and how to stop it. */
export function createRunStatusView(onStop: () => void): RunStatusView {
  const mark = element('span', { class: 'pulse', 'aria-hidden': 'true' });
  const words = element('span', { class: 'status-words' });
  const clock = element('span', { class: 'status-clock', 'aria-hidden': 'true' });
  const figures = element('span', { class: 'status-figures' });
  const stop = element(
    'button',
    { type: 'button', class: 'plain stop', title: 'Stop (Ctrl .)', on: { click: onStop } },
    icon('stop'),
    'Stop',
  );
  const root = element('div', { class: 'run-status', hidden: true }, mark, words, clock, figures, stop);
  let shown: ActiveRun | null = null;
  let isStopping = false;
  let timer = 0;

  function tick(): void {
    if (shown) setText(clock, formatClock(Date.now() - shown.startedAt));
  }

  function draw(): void {
    if (!shown) return;
    const text = isStopping ? 'Stopping' : wordsOfStatus(shown.status, shown.queuePosition);
    if (words.textContent !== text && shown.status === 'awaiting-approval')
      announce('The agent needs your approval.');
    setText(words, text);
    root.classList.toggle('is-waiting', shown.status === 'awaiting-approval');
    const cost = formatCost(shown.costUsd);
    const known = [
      shown.steps > 0 ? `step ${shown.steps}` : null,
      shown.totalTokens > 0 ? `${formatCount(shown.totalTokens)} tokens` : null,
      shown.totalTokens > 0 && cost !== null ? cost : null,
    ];
    setText(figures, known.filter((figure) => figure !== null).join(' · '));
    stop.disabled = isStopping;
    tick();
  }

  return {
    element: root,
    update(run) {
      if (run && !shown) timer = setInterval(tick, 1000);
      if (!run) {
        clearInterval(timer);
        isStopping = false;
      }
      shown = run;
      root.hidden = run === null;
      draw();
    },
    setStopping(next) {
      isStopping = next;
      draw();
    },
  };
}
