import type { MessageMetadata, Run } from '@switchyard/protocol';
import { element } from './element.ts';
import { formatCost, formatCount, formatDuration, plural } from './format.ts';
import { icon, type IconName } from './icon.ts';
import { type EndWords, wordsOfReason } from './run-words.ts';

const icons: Readonly<Record<EndWords['tone'], IconName>> = {
  good: 'check',
  waiting: 'question',
  stopped: 'stop',
  bad: 'alert',
};

/**
 * How a run ended and what it took. A failure says what happened (the run's own words first) and what can be done;
 * `onRetry` is null when nothing can be tried again.
 */
export function runEndingView(
  metadata: MessageMetadata,
  { error, onRetry }: { readonly error: Run['error']; readonly onRetry: (() => void) | null },
): HTMLElement | null {
  if (metadata.reason === null) return null;
  const words = wordsOfReason(metadata.reason);
  const known = figuresOf(metadata);
  const figures = known !== '' && element('span', { class: 'figures' }, known);
  const line = element('p', { class: 'ending-line' }, icon(icons[words.tone]), words.title, figures);
  if (words.tone !== 'bad') {
    return element('footer', { class: `ending is-${words.tone}` }, line);
  }
  const retry =
    onRetry &&
    element(
      'button',
      { type: 'button', class: 'plain', on: { click: onRetry } },
      icon('refresh'),
      'Try again',
    );
  return element(
    'footer',
    { class: 'ending is-bad', role: 'alert' },
    line,
    error && element('p', { class: 'ending-detail' }, error.detail),
    words.advice !== null && element('p', { class: 'ending-advice' }, words.advice),
    retry,
  );
}

/** `6 steps · 12 s · 4.2k tokens · $0.0120`. */
export function figuresOf({ stepCount, durationMs, usage, costUsd }: MessageMetadata): string {
  const cost = formatCost(costUsd);
  return [
    stepCount === 0 ? null : plural(stepCount, 'step'),
    durationMs === null || durationMs < 50 ? null : formatDuration(durationMs),
    usage.totalTokens === 0 ? null : `${formatCount(usage.totalTokens)} tokens`,
    usage.totalTokens === 0 ? null : cost,
  ]
    .filter((figure) => figure !== null)
    .join(' · ');
}
