/** `0.4 s`, `12 s`, `3 min 5 s`, `2 h 4 min`. */
export function formatDuration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** A clock that runs: `0:07`, `12:34`, `1:02:03`. */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const pad = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
}

/** `950`, `4.2k`, `23k`, `1.3M`. */
export function formatCount(count: number): string {
  if (count < 1000) return String(count);
  if (count < 10_000) return `${(Math.floor(count / 100) / 10).toFixed(1)}k`;
  if (count < 1_000_000) return `${Math.floor(count / 1000)}k`;
  return `${(Math.floor(count / 100_000) / 10).toFixed(1)}M`;
}

/** US dollars; null when the price is not known. What costs less than a hundredth of a cent is said so. */
export function formatCost(usd: number | null): string | null {
  if (usd === null) return null;
  if (usd === 0) return '$0';
  if (usd < 0.0001) return '<$0.0001';
  return `$${usd < 0.01 ? usd.toFixed(4) : usd.toFixed(2)}`;
}

/** `812 B`, `4.1 kB`, `2.0 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** How long ago, in the fewest words: `now`, `5 min`, `3 h`, `Yesterday`, `12 Nov`, `12 Nov 2025`. */
export function formatAge(time: number, now: number): string {
  const age = now - time;
  if (age < minuteMs) return 'now';
  if (age < 60 * minuteMs) return `${Math.floor(age / minuteMs)} min`;
  const days = daysBetween(time, now);
  if (days === 0) return `${Math.floor(age / (60 * minuteMs))} h`;
  if (days === 1) return 'Yesterday';
  const date = new Date(time);
  const isThisYear = date.getFullYear() === new Date(now).getFullYear();
  const month = date.toLocaleString('en', { month: 'short' });
  return `${date.getDate()} ${month}${isThisYear ? '' : ` ${date.getFullYear()}`}`;
}

/** The heading under which a thread of that time is listed. */
export function nameOfDay(time: number, now: number): 'Today' | 'Yesterday' | 'Last 7 days' | 'Earlier' {
  const days = daysBetween(time, now);
  if (days <= 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return days < 7 ? 'Last 7 days' : 'Earlier';
}

function daysBetween(time: number, now: number): number {
  return Math.round((startOfDay(now) - startOfDay(time)) / dayMs);
}

function startOfDay(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}

/** `1 step`, `3 steps`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
