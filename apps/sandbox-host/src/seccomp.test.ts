import { describe, expect, test } from 'vitest';
import { buildSeccompProgram } from './seccomp.ts';
import {
  absentSystemCalls,
  deniedSystemCalls,
  type Processor,
  unsupportedSystemCalls,
} from './system-calls.ts';

const archOf = { x64: 0xc000003e, arm64: 0xc00000b7 };
const allow = 0x7fff0000;
const kill = 0x80000000;
const errno = (number: number): number => 0x00050000 | number;

/** Runs the program as the kernel does (Documentation/networking/filter.rst), over one `struct seccomp_data`. */
function runProgram(program: Buffer, data: Buffer): number {
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

interface Case {
  readonly processor: Processor;
  readonly clone: number;
  readonly prctl: number;
  readonly ioctl: number;
  readonly socket: number;
  readonly shmget: number;
  /** Numbers that belong to calls which programs cannot do without. */
  readonly needed: Readonly<Record<string, number>>;
}

const cases: readonly Case[] = [
  {
    processor: 'x64',
    clone: 56,
    prctl: 157,
    ioctl: 16,
    socket: 41,
    shmget: 29,
    needed: { read: 0, mmap: 9, execve: 59, fork: 57, futex: 202, openat: 257, statx: 332, rseq: 334 },
  },
  {
    processor: 'arm64',
    clone: 220,
    prctl: 167,
    ioctl: 29,
    socket: 198,
    shmget: 194,
    needed: { read: 63, mmap: 222, execve: 221, futex: 98, openat: 56, statx: 291, rseq: 293 },
  },
];

describe.each(cases)('the system call filter of $processor', ({ processor, needed, ...numbers }) => {
  const program = Buffer.from(buildSeccompProgram(processor));

  function filter(number: number, parameters: readonly number[] = [], arch = archOf[processor]): number {
    const data = Buffer.alloc(64);
    data.writeUInt32LE(number >>> 0, 0);
    data.writeUInt32LE(arch, 4);
    for (const [index, parameter] of parameters.entries())
      data.writeBigUInt64LE(BigInt(parameter), 16 + 8 * index);
    return runProgram(program, data);
  }

  function numbersOf(calls: Readonly<Record<string, Readonly<Record<Processor, number | null>>>>): number[] {
    return Object.values(calls).flatMap((call) => call[processor] ?? []);
  }

  test('refuses what is denied, each call', () => {
    const denied = numbersOf(deniedSystemCalls);
    expect(denied.length).toBeGreaterThan(45);
    expect(denied.filter((number) => filter(number) !== errno(1))).toEqual([]);
  });

  test('hides what is absent, each call', () => {
    expect(numbersOf(absentSystemCalls).map((number) => filter(number))).toEqual(
      Object.keys(absentSystemCalls).map(() => errno(38)),
    );
  });

  test('says of what fills the disk at once that it is not supported, so that libc writes instead', () => {
    expect(numbersOf(unsupportedSystemCalls).map((number) => filter(number))).toEqual([errno(95)]);
  });

  test('lets everything else of the kernel through', () => {
    const refused = [deniedSystemCalls, absentSystemCalls, unsupportedSystemCalls].flatMap(numbersOf);
    const named = new Set([...refused, numbers.socket]);
    const others = Array.from({ length: 470 }, (_, number) => number).filter((number) => !named.has(number));
    expect(others.filter((number) => filter(number) !== allow)).toEqual([]);
    expect(Object.values(needed).filter((number) => named.has(number))).toEqual([]);
  });

  test('kills what calls by another processor, and has no calls of a second ABI', () => {
    const other = processor === 'x64' ? 'arm64' : 'x64';
    for (const arch of [archOf[other], 0x40000003, 0x40000028, 0]) expect(filter(0, [], arch)).toBe(kill);
    expect(filter(0x40000000 | 101)).toBe(errno(38));
    expect(filter(0xffffffff)).toBe(errno(38));
  });

  test.each([0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000])(
    'refuses clone with the namespace flag %i',
    (flag) => {
      expect(filter(numbers.clone, [flag | 17])).toBe(errno(1));
    },
  );

  test('allows clone for threads and processes', () => {
    expect(filter(numbers.clone, [17])).toBe(allow);
    expect(filter(numbers.clone, [0x3d0f00])).toBe(allow);
  });

  test('refuses threads with descriptors of their own, and lets processes have them', () => {
    expect(filter(numbers.clone, [0x10900])).toBe(errno(1));
    expect(filter(numbers.clone, [0x3d0f00 - 0x400])).toBe(errno(1));
    expect(filter(numbers.clone, [0x10d00])).toBe(allow);
    // vfork
    expect(filter(numbers.clone, [0x4111])).toBe(allow);
    expect(filter(436, [3, 0xffffffff, 2])).toBe(errno(22));
    expect(filter(436, [3, 0xffffffff, 6])).toBe(errno(22));
    expect(filter(436, [3, 0xffffffff, 4])).toBe(allow);
  });

  test('answers success to who hides itself in /proc, without doing it', () => {
    expect(filter(numbers.prctl, [4, 0])).toBe(errno(0));
    expect(filter(numbers.prctl, [4, 1])).toBe(allow);
    expect(filter(numbers.prctl, [3, 0])).toBe(allow);
  });

  test('refuses typing into terminals and no other ioctl', () => {
    expect(filter(numbers.ioctl, [0, 0x5412])).toBe(errno(1));
    expect(filter(numbers.ioctl, [0, 0x541c])).toBe(errno(1));
    expect(filter(numbers.ioctl, [0, 0x5413])).toBe(allow);
  });

  test('allows local, internet and netlink sockets and no others', () => {
    const allowed = Array.from({ length: 50 }, (_, family) => family).filter(
      (family) => filter(numbers.socket, [family]) === allow,
    );
    expect(allowed).toEqual([1, 2, 10, 16]);
    expect(filter(numbers.socket, [38])).toBe(errno(97));
  });

  test('allows small System V segments only, whatever stands in the upper half of the size', () => {
    expect(filter(numbers.shmget, [0, 56])).toBe(allow);
    expect(filter(numbers.shmget, [0, 65_536])).toBe(allow);
    expect(filter(numbers.shmget, [0, 65_537])).toBe(errno(22));
    expect(filter(numbers.shmget, [0, 2 ** 32 + 56])).toBe(errno(22));
  });
});

test('the numbers of a processor are all different', () => {
  for (const processor of ['x64', 'arm64'] as const) {
    const all = [deniedSystemCalls, absentSystemCalls, unsupportedSystemCalls].flatMap((calls) =>
      Object.values(calls).flatMap((call) => call[processor] ?? []),
    );
    expect(new Set(all).size).toBe(all.length);
  }
});
