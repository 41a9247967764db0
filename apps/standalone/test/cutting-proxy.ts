import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A line to a server that can break. */
export interface CuttingProxy {
  readonly url: string;
  /** Breaks the next connection that from now on comes to bring this text, right behind it: in the middle of a frame. */
  cutAfter(text: string): void;
  /** How many connections were broken. */
  readonly cuts: number;
  stop(): Promise<void>;
}

export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  let wanted: { readonly marker: string } | null = null;
  let cuts = 0;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    /** What came since `sought` is wanted: a connection that is used again has brought other answers before. */
    let seen = '';
    let sought = wanted;
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (bytes: Buffer) => {
      if (sought !== wanted) {
        sought = wanted;
        seen = '';
      }
      seen += bytes.toString('latin1');
      const at = wanted === null ? -1 : seen.indexOf(wanted.marker);
      if (wanted === null || at === -1) {
        near.write(bytes);
        return;
      }
      const length = at + wanted.marker.length - (seen.length - bytes.length);
      wanted = null;
      cuts += 1;
      near.write(bytes.subarray(0, length), () => near.destroy());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutAfter: (marker) => void (wanted = { marker }),
    get cuts() {
      return cuts;
    },
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
