import { Resolver } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { readOwnAddresses, refuseAddress } from './address-rules.ts';
import { type EgressPolicy, isAllowedHost, isAllowedPort, type Target } from './policy.ts';

/** How names become addresses and addresses connections. */
export interface EgressNetwork {
  /** Every address of a name; rejects when there is none. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** Opens a connection; rejects when that fails. */
  readonly dial: (target: { readonly address: string; readonly port: number }) => Promise<Socket>;
}

/** Why there is no way; `status` is what a proxy answers. */
export class NoWayError extends Error {
  readonly status: 403 | 504;

  constructor(status: NoWayError['status'], message: string) {
    super(message);
    this.name = 'NoWayError';
    this.status = status;
  }
}

const connectTimeoutMs = 10_000;
/** A name may have dozens; who has not answered by then will not. */
const maxAttempts = 4;

/** The machine's own: DNS without its files of names, so that what it knows under short names stays its own. */
export function createNetwork(): EgressNetwork {
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  return {
    async resolve(host) {
      const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
      return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    },
    dial: ({ address, port }) =>
      new Promise((resolve, reject) => {
        const socket = connect({
          host: address,
          port,
          timeout: connectTimeoutMs,
          noDelay: true,
          allowHalfOpen: true,
        });
        socket.once('connect', () => {
          socket.setTimeout(0);
          socket.removeAllListeners();
          resolve(socket);
        });
        socket.once('timeout', () => socket.destroy(new Error('The connection took too long.')));
        socket.once('error', reject);
      }),
  };
}

/**
 * Connects a sandbox to where it wants to go, if it may: the name is resolved once, and the connection goes to an
 * address that was checked, never to the name again. Throws NoWayError.
 */
export async function findWay(
  { host, port }: Target,
  { policy, network, hasAddressCheck, hasPortCheck }: EgressRules,
): Promise<Socket> {
  if (!isAllowedHost(host, policy)) throw new NoWayError(403, `${host} is not among the allowed domains.`);
  if (hasPortCheck && !isAllowedPort(port)) throw new NoWayError(403, `Port ${port} is not allowed.`);
  const addresses = isIP(host) ? [host] : await network.resolve(host).catch(() => []);
  const own = readOwnAddresses();
  const allowed = addresses.filter((address) => !hasAddressCheck || refuseAddress(address, own) === null);
  // The same whether there is no such name or one inside: who asks must not learn the names of this network.
  if (allowed.length === 0) throw new NoWayError(403, `${host} has no address on the public internet.`);
  for (const address of allowed.slice(0, maxAttempts)) {
    try {
      return await network.dial({ address, port });
    } catch {
      // The next address may answer.
    }
  }
  throw new NoWayError(504, `${host} does not answer at port ${port}.`);
}

export interface EgressRules {
  readonly policy: EgressPolicy;
  readonly network: EgressNetwork;
  /** Both always, but in the tests that show what they hold. */
  readonly hasAddressCheck: boolean;
  readonly hasPortCheck: boolean;
}
