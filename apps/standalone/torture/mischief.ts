import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { FleetMember } from '../fleet/fleet.ts';
import type { Service } from '../fleet/services.ts';
import { now } from './clock.ts';
import type { Deed, DeedName } from './deeds.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** What is done, and how often against the others. Kills of workers come first: they are what is promised about. */
const shares: Readonly<Record<string, number>> = {
  killWorker: 56,
  freezeWorker: 8,
  stopWorker: 6,
  killGateway: 5,
  stopGateway: 4,
  line: 18,
  killSandboxHost: 2,
  stopRedis: 1,
  flushRedis: 2,
  killPostgres: 1,
};
const lots = Object.entries(shares).flatMap(([name, share]) => Array.from({ length: share }, () => name));

/** Mean time from one deed to the next; some find nobody whom they may harm. Some 12 kills of workers a minute. */
const meanGapMs = 1200;
/** A lock lives 5 s. */
const freezeMs = [5500, 9000] as const;
const outageMs = [300, 6000] as const;
/** A drain takes 25 s at most, and what follows it some more. */
const stopMs = 60_000;
/** A process that finds a service away may give up starting; whoever keeps it starts it again. */
const startMs = 90_000;

/** Does harm to the fleet until the signal is aborted, then puts everything right again. */
export async function doMischief(world: World, random: Random, signal: AbortSignal): Promise<void> {
  const { fleet, deeds } = world;
  /** Members that something is being done to. */
  const taken = new Set<FleetMember>();
  /** One service is away at a time. */
  let isServiceAway = false;
  const going = new Set<Promise<void>>();

  async function record(what: DeedName, pid: number | null, action: () => Promise<void>): Promise<void> {
    const deed: Deed = { what, at: now(), until: null, pid };
    deeds.push(deed);
    try {
      await action();
    } finally {
      deed.until = now();
    }
  }

  function choose(members: readonly FleetMember[]): FleetMember | null {
    const free = members.filter((member) => !taken.has(member) && member.isRunning());
    // Mostly all others are well, and always one: a fleet that never gets to work shows nothing.
    const left = random.chance(0.2) ? 1 : members === fleet.workers ? 2 : 1;
    return free.length <= left ? null : random.pick(free);
  }

  async function replace(app: 'worker' | 'gateway'): Promise<void> {
    const deadline = performance.now() + startMs;
    for (;;) {
      try {
        await (app === 'worker' ? fleet.addWorker() : fleet.addGateway());
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
    }
  }

  async function end(app: 'worker' | 'gateway', how: 'kill' | 'stop'): Promise<void> {
    const member = choose(app === 'worker' ? fleet.workers : fleet.gateways);
    if (!member) return;
    taken.add(member);
    world.gone.push(member);
    const replacing = replace(app);
    await record(`${how} a ${app}`, member.pid, async () => {
      const ended = fleet.remove(member, how === 'kill' ? 'SIGKILL' : 'SIGTERM').then(() => true);
      const inTime = await Promise.race([ended, delay(stopMs, false, { ref: false })]);
      if (inTime) return;
      const words = `${member.name} did not stop within ${stopMs / 1000} s: ${member.lines.slice(-5).join(' ')}`;
      world.report(member.name, [{ kind: 'stuck', count: 1, words }]);
      member.signal('SIGKILL');
      await ended;
    });
    await replacing;
  }

  async function freeze(): Promise<void> {
    const member = choose(fleet.workers);
    if (!member) return;
    taken.add(member);
    await record('freeze a worker', member.pid, async () => {
      member.signal('SIGSTOP');
      await delay(random.between(...freezeMs));
      member.signal('SIGCONT');
    });
    taken.delete(member);
  }

  async function harmLine(): Promise<void> {
    const isWorker = random.chance(0.7);
    const member = choose(isWorker ? fleet.workers : fleet.gateways);
    if (!member) return;
    const [to, name] = random.pick([
      ['redis', 'Redis'],
      ['postgres', 'Postgres'],
      ['sandboxes', 'the sandboxes'],
    ] as const);
    const how = random.pick(['cut', 'cut', 'hush', 'close'] as const);
    const line = member.to[to];
    const target = isWorker ? 'a worker' : 'a gateway';
    taken.add(member);
    await record(`${how} ${target}’s line to ${name}`, member.pid, async () => {
      line[how]();
      if (how !== 'cut') await delay(random.between(...outageMs));
      line.carryOn();
    });
    taken.delete(member);
  }

  async function away(what: DeedName, service: Service, how: 'kill' | 'stop'): Promise<void> {
    if (isServiceAway) return;
    isServiceAway = true;
    await record(what, null, async () => {
      await service[how]();
      await delay(random.between(...outageMs));
      await service.start();
    });
    isServiceAway = false;
  }

  /** It is there all the time, and has forgotten everything. */
  async function flush(): Promise<void> {
    if (isServiceAway) return;
    await record('flush Redis', null, async () => {
      const redis = new Redis(fleet.services.redis.url);
      await redis.flushall();
      redis.disconnect();
    });
  }

  const { services } = fleet;
  const actions: Readonly<Record<string, () => Promise<void>>> = {
    killWorker: () => end('worker', 'kill'),
    freezeWorker: freeze,
    stopWorker: () => end('worker', 'stop'),
    killGateway: () => end('gateway', 'kill'),
    stopGateway: () => end('gateway', 'stop'),
    line: harmLine,
    killSandboxHost: () => away('kill the sandbox host', services.sandboxHost, 'kill'),
    stopRedis: () => away('stop Redis', services.redis, random.chance(0.5) ? 'kill' : 'stop'),
    flushRedis: flush,
    killPostgres: () => away('kill Postgres', services.postgres, 'kill'),
  };

  while (!signal.aborted) {
    await delay(-Math.log(1 - random.next()) * meanGapMs, undefined, { signal }).catch(() => undefined);
    const action = actions[random.pick(lots)];
    if (signal.aborted || !action) break;
    const doing = action()
      .catch((error: unknown) => {
        world.report('the fleet', [
          { kind: 'wrong', count: 1, words: `it could not be mended: ${String(error)}` },
        ]);
      })
      .finally(() => going.delete(doing));
    going.add(doing);
  }
  await Promise.all(going);
}
