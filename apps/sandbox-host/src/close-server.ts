import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Gives what closes the server and every connection to it at once, also those that it handed over (CONNECT, upgrades):
 * `closeAllConnections` does not know them, and `close` waits for them as long as their other end likes.
 */
export function trackConnections(server: Server): () => Promise<void> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
}
