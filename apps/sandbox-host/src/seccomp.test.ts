import { describe, expect, test } from 'vitest';
import { absentSystemCalls, buildSeccompProgram, deniedSystemCalls } from './seccomp.ts';

const x64 = 0xc000003e;
const allow = 0x7fff0000;
const kill = 0x80000000;
const errno = (number: number): number => 0x00050000 | number;

/** Runs the program as the kernel does (Documentation/networking/filter.rst), over one `struct seccomp_data`. */
function filter(number: number, parameters: readonly number[] = [], arch = x64): number {
  const program = Buffer.from(buildSeccompProgram());
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(arch, 4);
  for (const [index, parameter] of parameters.entries())
    data.writeBigUInt64LE(BigInt(parameter), 16 + 8 * index);
  let accumulator = 0;
  for (let pc = 0; pc < program.length / 8; pc++) {
    const [code, jumpTrue, jumpFalse, value] = [
      program.readUInt16LE(pc * 8),
      program.readUInt8(pc * 8 + 2),
      program.readUInt8(pc * 8 + 3),
      program.readUInt32LE(pc * 8 + 4),
    ];
    switch (code) {
      case 0x20:
        accumulator = data.readUInt32LE(value);
        break;
      case 0x15:
        pc += accumulator === value ? jumpTrue : jumpFalse;
        break;
      case 0x35:
        pc += accumulator >= value ? jumpTrue : jumpFalse;
        break;
      case 0x45:
        pc += (accumulator & value) === 0 ? jumpFalse : jumpTrue;
        break;
      case 0x06:
        return value;
      default:
        throw new Error(`unknown instruction ${code}`);
    }
  }
  throw new Error('the program ran past its end');
}

describe('the system call filter', () => {
  test.each(Object.entries(deniedSystemCalls))('refuses %s', (_name, number) => {
    expect(filter(number)).toBe(errno(1));
  });

  test.each(Object.entries(absentSystemCalls))('hides %s', (_name, number) => {
    expect(filter(number)).toBe(errno(38));
  });

  test('lets everything else of the kernel through', () => {
    const named = new Set<number>([
      ...Object.values(deniedSystemCalls),
      ...Object.values(absentSystemCalls),
      41,
    ]);
    const others = Array.from({ length: 470 }, (_, number) => number).filter((number) => !named.has(number));
    expect(others.filter((number) => filter(number) !== allow)).toEqual([]);
  });

  test('kills what calls by another processor, and has no x32 calls', () => {
    expect(filter(0, [], 0x40000003)).toBe(kill);
    expect(filter(0x40000000 | 101)).toBe(errno(38));
    expect(filter(0xffffffff)).toBe(errno(38));
  });

  test.each([0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000])(
    'refuses clone with the namespace flag %i',
    (flag) => {
      expect(filter(56, [flag | 17])).toBe(errno(1));
    },
  );

  test('allows clone for threads and processes', () => {
    expect(filter(56, [17])).toBe(allow);
    expect(filter(56, [0x3d0f00])).toBe(allow);
  });

  test('refuses typing into terminals and no other ioctl', () => {
    expect(filter(16, [0, 0x5412])).toBe(errno(1));
    expect(filter(16, [0, 0x541c])).toBe(errno(1));
    expect(filter(16, [0, 0x5413])).toBe(allow);
  });

  test('allows local, internet and netlink sockets and no others', () => {
    const allowed = Array.from({ length: 50 }, (_, family) => family).filter(
      (family) => filter(41, [family]) === allow,
    );
    expect(allowed).toEqual([1, 2, 10, 16]);
    expect(filter(41, [38])).toBe(errno(97));
  });
});
