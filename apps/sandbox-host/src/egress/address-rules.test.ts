import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readOwnAddresses, refuseAddress } from './address-rules.ts';

const nobody = new Set<string>();

describe('an address', () => {
  test.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['0.0.0.0', 'reserved'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'private'],
    ['100.64.0.1', 'shared'],
    ['100.100.100.200', 'shared'],
    ['169.254.169.254', 'link-local'],
    ['168.63.129.16', 'metadata'],
    ['192.0.0.192', 'reserved'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['255.255.255.255', 'reserved'],
    ['::1', 'loopback'],
    ['::', 'embedded'],
    ['::127.0.0.1', 'embedded'],
    ['::ffff:127.0.0.1', 'embedded'],
    ['::ffff:8.8.8.8', 'embedded'],
    ['64:ff9b::7f00:1', 'embedded'],
    ['64:ff9b:1::a00:1', 'embedded'],
    ['2002:7f00:1::', 'embedded'],
    ['2001:0:1234::1', 'reserved'],
    ['2001:db8::1', 'reserved'],
    ['fd00:ec2::254', 'private'],
    ['fdaa::3', 'private'],
    ['fec0::1', 'private'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'malformed'],
    ['2606:4700::1111%lo', 'malformed'],
    ['ff02::1', 'multicast'],
    ['100::1', 'reserved'],
    ['5f00::1', 'reserved'],
    ['4000::1', 'reserved'],
    ['localhost', 'malformed'],
    ['', 'malformed'],
  ])('%s is refused as %s', (address, addressClass) => {
    expect(refuseAddress(address, nobody)).toBe(addressClass);
  });

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '169.253.0.1',
    '2606:4700::1111',
    '2a00:1450::1',
  ])('%s may be reached', (address) => {
    expect(refuseAddress(address, nobody)).toBeNull();
  });

  test('of this machine is refused, public or not', () => {
    expect(refuseAddress('8.8.8.8', new Set(['8.8.8.8']))).toBe('own');
    expect(readOwnAddresses()).toContain('127.0.0.1');
  });

  test('that holds an IPv4 address is refused whatever that is, in every spelling', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(byte, byte, byte, byte, (...bytes) => {
        const [a, b, c, d] = bytes;
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        for (const prefix of ['::ffff:', '64:ff9b::', '::ffff:0:', '::']) {
          expect(refuseAddress(prefix + bytes.join('.'), nobody)).not.toBeNull();
          expect(refuseAddress(prefix + hex, nobody)).not.toBeNull();
          expect(refuseAddress((prefix + hex).toUpperCase(), nobody)).not.toBeNull();
        }
        expect(refuseAddress(`2002:${hex}::1`, nobody)).not.toBeNull();
      }),
    );
  });
});
