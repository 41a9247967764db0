import { now } from './clock.ts';

/** What was done to the fleet, and for how long. */
export interface Deed {
  readonly what: DeedName;
  readonly at: number;
  /** When it was over; null while it goes on. */
  until: number | null;
  /** The process that it was done to; null for a service that all share. */
  readonly pid: number | null;
}

export type DeedName =
  | 'kill a worker'
  | 'freeze a worker'
  | 'stop a worker'
  | 'kill a gateway'
  | 'stop a gateway'
  | `${'cut' | 'hush' | 'close'} ${'a worker' | 'a gateway'}’s line to ${'Redis' | 'Postgres' | 'the sandboxes'}`
  | 'kill the sandbox host'
  | 'stop Redis'
  | 'flush Redis'
  | 'kill Postgres'
  /** Nobody's deed: this very process was not given the processor for so long, and with it all lines stood still. */
  | 'the machine stood still';

/** Deeds that had any of these effects in a span of time. */
export function deedsIn(
  deeds: readonly Deed[],
  { from, to, of }: { readonly from: number; readonly to: number; readonly of: (deed: Deed) => boolean },
): Deed[] {
  return deeds.filter((deed) => deed.at <= to && (deed.until ?? Infinity) >= from && of(deed));
}

const lookMs = 200;
const stillMs = 1200;

/** Records when the machine gives this process no time: then the others get none either, and locks end. */
export function watchStandstills(deeds: Deed[]): { stop(): void } {
  let lookedAt = now();
  const timer = setInterval(() => {
    const at = lookedAt;
    lookedAt = now();
    if (lookedAt - at >= stillMs)
      deeds.push({ what: 'the machine stood still', at, until: lookedAt, pid: null });
  }, lookMs);
  return { stop: () => clearInterval(timer) };
}

/** Its worker may lose the runs that it has: it dies, or does not renew their locks for seconds. */
export function costsLocks({ what }: Deed): boolean {
  return (
    what === 'kill a worker' ||
    what === 'freeze a worker' ||
    what === 'stop Redis' ||
    what === 'the machine stood still' ||
    /^(hush|close) a worker’s line to Redis/.test(what)
  );
}

/** What is between a run's log and its viewers was gone for a while. */
export function touchesRedis({ what }: Deed): boolean {
  return what === 'stop Redis' || what === 'flush Redis' || what.endsWith('line to Redis');
}

/** A call in the sandbox may have been interrupted, or found no sandbox. */
export function touchesSandboxes({ what }: Deed): boolean {
  return what === 'kill the sandbox host' || what.endsWith('worker’s line to the sandboxes');
}
