/** What both tools that search say of their limits; the sandbox sets them. */
export const searchLimits =
  'A search ends after 20 seconds or 200,000 files and folders, and says how far it came.';

/** For the head of an answer. */
export function stoppedText({
  because,
  at,
}: {
  readonly because: 'time' | 'entries';
  readonly at: string;
}): string {
  const why = because === 'time' ? 'after 20 seconds' : 'after 200,000 files and folders';
  return `INCOMPLETE: stopped ${why} at ${at === '' ? 'the beginning' : at}; search in a smaller path`;
}
