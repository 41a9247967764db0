import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Why an address of the internet protocol is none of the public internet; the names are told to who asked. */
export type AddressClass =
  | 'loopback'
  | 'private'
  | 'link-local'
  | 'shared'
  | 'multicast'
  | 'metadata'
  | 'embedded'
  | 'reserved'
  | 'own'
  | 'malformed';

/** IANA's special-purpose registries (RFC 6890 and what updates it), and what clouds answer at public addresses. */
const subnetsV4: readonly (readonly [string, number, AddressClass])[] = [
  ['0.0.0.0', 8, 'reserved'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'shared'],
  ['127.0.0.0', 8, 'loopback'],
  ['169.254.0.0', 16, 'link-local'],
  ['172.16.0.0', 12, 'private'],
  ['192.0.0.0', 24, 'reserved'],
  ['192.0.2.0', 24, 'reserved'],
  ['192.88.99.0', 24, 'embedded'],
  ['192.168.0.0', 16, 'private'],
  ['198.18.0.0', 15, 'private'],
  ['198.51.100.0', 24, 'reserved'],
  ['203.0.113.0', 24, 'reserved'],
  ['224.0.0.0', 4, 'multicast'],
  ['240.0.0.0', 4, 'reserved'],
  // Azure's host agent.
  ['168.63.129.16', 32, 'metadata'],
];

/** What lies outside 2000::/3 is refused as `reserved` where it has no name of its own here. */
const subnetsV6: readonly (readonly [string, number, AddressClass])[] = [
  ['::1', 128, 'loopback'],
  // An IPv4 address inside: compatible, mapped, translated, NAT64, 6to4. Teredo is part of 2001::/23.
  ['::', 96, 'embedded'],
  ['::ffff:0:0', 96, 'embedded'],
  ['::ffff:0:0:0', 96, 'embedded'],
  ['64:ff9b::', 96, 'embedded'],
  ['64:ff9b:1::', 48, 'embedded'],
  ['2002::', 16, 'embedded'],
  ['2001::', 23, 'reserved'],
  ['2001:db8::', 32, 'reserved'],
  ['3fff::', 20, 'reserved'],
  ['fc00::', 7, 'private'],
  ['fec0::', 10, 'private'],
  ['fe80::', 10, 'link-local'],
  ['ff00::', 8, 'multicast'],
];

function buildList(
  rules: readonly (readonly [string, number, AddressClass])[],
  family: 'ipv4' | 'ipv6',
): { readonly list: BlockList; readonly addressClass: AddressClass }[] {
  return rules.map(([network, prefix, addressClass]) => {
    const list = new BlockList();
    list.addSubnet(network, prefix, family);
    return { list, addressClass };
  });
}

const rulesV4 = buildList(subnetsV4, 'ipv4');
const rulesV6 = buildList(subnetsV6, 'ipv6');
const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');

/** This machine's own addresses: what listens on all of them believes to be behind a firewall. */
export function readOwnAddresses(): ReadonlySet<string> {
  return new Set(
    Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address) ?? []),
  );
}

/** Null when a sandbox may connect there: an address of the public internet that is not this machine's. */
export function refuseAddress(address: string, own: ReadonlySet<string>): AddressClass | null {
  if (own.has(address)) return 'own';
  if (isIPv4(address)) return rulesV4.find(({ list }) => list.check(address, 'ipv4'))?.addressClass ?? null;
  // A zone names an interface of this machine.
  if (!isIPv6(address) || address.includes('%')) return 'malformed';
  const rule = rulesV6.find(({ list }) => list.check(address, 'ipv6'));
  if (rule) return rule.addressClass;
  return globalUnicast.check(address, 'ipv6') ? null : 'reserved';
}
