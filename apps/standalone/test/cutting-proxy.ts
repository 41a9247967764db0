import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A line to a server that can break. */
export interface CuttingProxy {
  readonly url: string;
  /** Breaks the next connection whose answer comes to hold this text, right behind it: in the middle of a frame. */
  cutAfter(text: string): void;
  /** How many connections were broken. */
  readonly cuts: number;
  stop(): Promise<void>;
}

export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  let marker: string | null = null;
  let cuts = 0;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    let seen = '';
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
      seen += bytes.toString('latin1');
      const at = marker === null ? -1 : seen.indexOf(marker);
      if (marker === null || at === -1) {
        near.write(bytes);
        return;
      }
      const wanted = at + marker.length - (seen.length - bytes.length);
      marker = null;
      cuts += 1;
      near.write(bytes.subarray(0, wanted), () => near.destroy());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutAfter: (text) => void (marker = text),
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
