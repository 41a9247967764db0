import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';

/** Where programs inside find their proxy; the same port is in HTTP_PROXY. */
const port = 3128;
const egressPath = '/run/egress/proxy.sock';

/**
 * The way out: the sandbox has no network but its own loopback, where what comes to this port goes on to the host's
 * proxy by its Unix socket. Programs speak TCP to their proxy.
 */
export function startRelay(): void {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const proxy = connect({ path: egressPath, allowHalfOpen: true });
    pipeline(client, proxy, () => undefined);
    pipeline(proxy, client, () => undefined);
  });
  // Somebody inside has the port: then there is no way out, and everything else goes on.
  server.on('error', () => undefined);
  server.listen(port, '127.0.0.1');
}
