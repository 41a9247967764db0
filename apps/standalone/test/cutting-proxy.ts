import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A line to a server that can break. */
export interface CuttingProxy {
  readonly url: string;
  /** Breaks the next connection that from now on comes to bring this text, right behind it: in the middle of a frame. */
  cutAfter(text: string): void;
  /** Breaks each answer some bytes behind so many of its frames, as long as the function says where. */
  cutEach(nextCut: () => FrameCut | null): void;
  /** How many connections were broken. */
  readonly cuts: number;
  stop(): Promise<void>;
}

interface FrameCut {
  readonly frames: number;
  readonly bytes: number;
}

export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  let wanted: { readonly marker: string } | null = null;
  let nextCut: () => FrameCut | null = () => null;
  let cuts = 0;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    /** What came since `sought` is wanted: a connection that is used again has brought other answers before. */
    let seen = '';
    let sought = wanted;
    let cut: FrameCut | null = null;
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', () => {
      seen = '';
      cut = nextCut();
    });
    near.pipe(far);
    far.on('data', (bytes: Buffer) => {
      if (sought !== wanted) {
        sought = wanted;
        seen = '';
      }
      seen += bytes.toString('latin1');
      const end = wanted ? endOfMarker(seen, wanted.marker) : cut && endOfCut(seen, cut);
      if (end === null || end > seen.length) {
        near.write(bytes);
        return;
      }
      wanted = null;
      cuts += 1;
      far.pause();
      near.write(bytes.subarray(0, end - (seen.length - bytes.length)), () => near.destroy());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutAfter: (marker) => void (wanted = { marker }),
    cutEach: (next) => void (nextCut = next),
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

function endOfMarker(text: string, marker: string): number | null {
  const at = text.indexOf(marker);
  return at === -1 ? null : at + marker.length;
}

function endOfCut(text: string, { frames, bytes }: FrameCut): number | null {
  const head = endOfMarker(text, '\r\n\r\n');
  if (head === null) return null;
  let end = head;
  // One more than asked for: a stream begins with a comment.
  for (let frame = 0; frame <= frames; frame += 1) {
    const frameEnd = text.indexOf('\n\n', end);
    if (frameEnd === -1) return null;
    end = frameEnd + 2;
  }
  return end + bytes;
}
