import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** One address before several gateways: each connection goes to the next of them that accepts it. */
export interface Balancer {
  readonly url: string;
  stop(): Promise<void>;
}

/** `urls` is asked for each connection: gateways come and go. */
export async function startBalancer(urls: () => readonly string[]): Promise<Balancer> {
  const sockets = new Set<Socket>();
  let turn = 0;

  const server = createServer((near) => {
    sockets.add(near);
    near.on('error', () => undefined);
    near.on('close', () => sockets.delete(near));
    near.pause();
    const candidates = urls();
    turn += 1;
    const inTurn = candidates.map((_, index) => candidates[(index + turn) % candidates.length]);
    void carry(
      near,
      inTurn.filter((url) => url !== undefined),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  async function carry(near: Socket, candidates: readonly string[]): Promise<void> {
    for (const url of candidates) {
      const { hostname, port } = new URL(url);
      const far = connect(Number(port), hostname);
      far.setNoDelay(true);
      try {
        await once(far, 'connect');
      } catch {
        continue;
      }
      far.on('error', () => near.destroy());
      near.on('close', () => far.destroy());
      // A cut stream is cut here, too: an orderly end would look like success.
      far.on('close', (hadError) => (hadError ? near.resetAndDestroy() : near.destroy()));
      near.setNoDelay(true);
      near.pipe(far);
      far.pipe(near);
      return;
    }
    near.destroy();
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
