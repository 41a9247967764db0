import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The line between a process and a service: it carries bytes until it is told otherwise. */
export interface Line {
  /** The service's url with the line's own address in it. */
  readonly url: string;
  /** Breaks every connection; new ones are carried. */
  cut(): void;
  /** Carries nothing any more: what is open stays open and silent, and what comes new is accepted and silent, too. */
  hush(): void;
  /** Carries again, what was held back first. */
  carryOn(): void;
  /** Refuses and breaks connections until `carryOn`. */
  close(): void;
  stop(): Promise<void>;
}

/** Sees what a process sends on each new connection before the service does, and when the service has answered. */
export interface Tap {
  connect(): (bytes: Buffer) => readonly Carried[];
  /** An answer came that is kept back. */
  onHeldAnswer?(): void;
}

/** Some bytes, and what is to become of them: what is held waits for `carryOn`. */
export interface Carried {
  readonly bytes: Buffer;
  readonly fate: 'pass' | 'hold' | 'pass-and-hold-answers';
}

interface Connection {
  readonly near: Socket;
  readonly far: Socket;
  readonly toFar: Buffer[];
  readonly toNear: Buffer[];
  isHeldToFar: boolean;
  isHeldToNear: boolean;
}

/** Opens a line on loopback to the service of `url`, whatever its protocol.  */
export async function openLine(url: string, tap: Tap | null = null): Promise<Line> {
  const target = new URL(url);
  const port = Number(target.port);
  const connections = new Set<Connection>();
  let state: 'carries' | 'silent' | 'closed' = 'carries';

  const server = createServer((near) => {
    if (state === 'closed') return void near.destroy();
    const far = connect(port, target.hostname);
    const isSilent = state === 'silent';
    const connection: Connection = {
      near,
      far,
      toFar: [],
      toNear: [],
      isHeldToFar: isSilent,
      isHeldToNear: isSilent,
    };
    connections.add(connection);
    const look = tap?.connect() ?? null;
    near.on('data', (bytes: Buffer) => {
      for (const carried of look ? look(bytes) : [{ bytes, fate: 'pass' } as const]) {
        if (carried.fate === 'hold') connection.isHeldToFar = true;
        if (carried.fate === 'pass-and-hold-answers') connection.isHeldToNear = true;
        if (connection.isHeldToFar) connection.toFar.push(carried.bytes);
        else write(far, carried.bytes, near);
      }
    });
    far.on('data', (bytes: Buffer) => {
      if (connection.isHeldToNear) {
        connection.toNear.push(bytes);
        tap?.onHeldAnswer?.();
      } else write(near, bytes, far);
    });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('end', () => other.end());
      socket.on('close', () => {
        connections.delete(connection);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  target.hostname = '127.0.0.1';
  target.port = String((server.address() as AddressInfo).port);

  function breakAll(): void {
    for (const { near, far } of connections) {
      near.destroy();
      far.destroy();
    }
  }

  return {
    url: target.protocol.startsWith('http') ? target.origin : target.href,
    cut: breakAll,
    hush() {
      state = 'silent';
      for (const connection of connections) {
        connection.isHeldToFar = true;
        connection.isHeldToNear = true;
      }
    },
    carryOn() {
      state = 'carries';
      for (const connection of connections) {
        connection.isHeldToFar = false;
        connection.isHeldToNear = false;
        for (const bytes of connection.toFar.splice(0)) write(connection.far, bytes, connection.near);
        for (const bytes of connection.toNear.splice(0)) write(connection.near, bytes, connection.far);
      }
    },
    close() {
      state = 'closed';
      breakAll();
    },
    async stop() {
      breakAll();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A receiver that is full makes the sender wait, as a cable would. */
function write(to: Socket, bytes: Buffer, from: Socket): void {
  if (to.destroyed || to.write(bytes)) return;
  from.pause();
  to.once('drain', () => from.resume());
}
