import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';

/** Where programs listen that are to be seen: on either loopback. */
const addresses = ['127.0.0.1', '::1'];

/** Answers the host's CONNECT to `localhost:<port>`: from then on the socket is the port's. */
export function connectPort(target: string, socket: Socket, head: Buffer): void {
  const port = Number(/^localhost:(\d{1,5})$/.exec(target)?.[1] ?? 0);
  socket.on('error', () => undefined);

  function dial([address, ...others]: readonly string[]): void {
    if (address === undefined || port === 0 || port > 65_535) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const program = connect({ port, host: address, allowHalfOpen: true });
    const next = (): void => dial(others);
    program.once('error', next);
    program.once('connect', () => {
      program.removeListener('error', next);
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      program.write(head);
      pipeline(socket, program, () => undefined);
      pipeline(program, socket, () => undefined);
    });
  }
  dial(addresses);
}
