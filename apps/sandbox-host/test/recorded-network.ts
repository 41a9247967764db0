import { connect } from 'node:net';
import type { EgressNetwork } from '../src/egress/find-way.ts';

/** A network that is a table of names, and in which every connection is written down. */
export interface RecordedNetwork extends EgressNetwork {
  /** `address:port`, in order. */
  readonly dialled: string[];
  /** Names, in order. */
  readonly resolved: string[];
}

/**
 * Whatever address is dialled, the connection goes to `port` of this machine's loopback; with null it fails. Names
 * that are not in the table have no address; one with several answers gives one after the other.
 */
export function recordNetwork(
  names: Readonly<Record<string, readonly (readonly string[])[]>>,
  port: number | null,
): RecordedNetwork {
  const dialled: string[] = [];
  const resolved: string[] = [];
  return {
    dialled,
    resolved,
    resolve(host) {
      const answers = names[host] ?? [[]];
      const count = resolved.filter((name) => name === host).length;
      resolved.push(host);
      return Promise.resolve(answers[Math.min(count, answers.length - 1)] ?? []);
    },
    dial(target) {
      dialled.push(`${target.address}:${target.port}`);
      if (port === null) return Promise.reject(new Error('Nobody listens there.'));
      return new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
        socket.once('connect', () => resolve(socket));
        socket.once('error', reject);
      });
    },
  };
}
