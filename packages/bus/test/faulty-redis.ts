import net from 'node:net';
import { afterAll } from 'vitest';

/** A TCP proxy before Redis whose faults a test switches on and off. */
export interface FaultyRedis {
  readonly url: string;
  /**
   * `pass`; `swallow`: commands reach Redis, replies do not come back; `freeze`: nothing goes either way until it
   * passes again; `refuse`: connections are cut and new ones closed at once.
   */
  setFault(fault: Fault): void;
  /** Lets the next reply be lost together with its connection, `times` times. */
  loseReplies(times: number): void;
  readonly repliesLost: number;
  /** What the pattern finds never reaches Redis, nor what comes after it on the same connection. */
  swallowCommands(pattern: RegExp): void;
  readonly swallowedCount: number;
  /** The connections that stand fall silent for ever without being closed; new ones pass. */
  blackHole(): void;
}
export type Fault = 'pass' | 'swallow' | 'freeze' | 'refuse';

export async function startFaultyRedis(targetUrl: string): Promise<FaultyRedis> {
  const target = new URL(targetUrl);
  const links = new Set<{ client: net.Socket; redis: net.Socket }>();
  let fault: Fault = 'pass';
  let swallowed: RegExp | null = null;
  let swallowedCount = 0;
  let toLose = 0;
  let repliesLost = 0;
  const server = net.createServer((client) => {
    if (fault === 'refuse') {
      client.destroy();
      return;
    }
    const redis = net.connect(Number(target.port), target.hostname);
    const link = { client, redis };
    links.add(link);
    const cut = () => {
      links.delete(link);
      client.destroy();
      redis.destroy();
    };
    for (const socket of [client, redis]) socket.on('error', cut).on('close', cut);
    let isDeaf = false;
    client.on('data', (data) => {
      if (swallowed?.test(data.toString('latin1'))) {
        isDeaf = true;
        swallowedCount += 1;
      }
      if (!isDeaf) redis.write(data);
    });
    redis.on('data', (data) => {
      if (toLose > 0) {
        toLose -= 1;
        repliesLost += 1;
        cut();
      } else if (fault !== 'swallow') {
        client.write(data);
      }
    });
    if (fault === 'freeze') for (const socket of [client, redis]) socket.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    server.close();
    for (const { client, redis } of links) for (const socket of [client, redis]) socket.destroy();
  });
  const { port } = server.address() as net.AddressInfo;
  return {
    url: Object.assign(new URL(targetUrl), { host: `127.0.0.1:${port}` }).href,
    setFault(next) {
      fault = next;
      for (const { client, redis } of links) {
        if (next === 'refuse') client.destroy();
        for (const socket of [client, redis]) {
          if (next === 'freeze') socket.pause();
          else socket.resume();
        }
      }
    },
    loseReplies(times) {
      toLose = times;
    },
    swallowCommands(pattern) {
      swallowed = pattern;
    },
    blackHole() {
      for (const link of links) {
        link.redis.removeAllListeners('data').resume();
        link.client.removeAllListeners('data').resume();
      }
    },
    get swallowedCount() {
      return swallowedCount;
    },
    get repliesLost() {
      return repliesLost;
    },
  };
}
