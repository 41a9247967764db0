import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import dockerignore from '@balena/dockerignore';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFile(join(root, path), 'utf8');

interface Instruction {
  readonly name: string;
  readonly value: string;
}

/** The instructions of a Dockerfile in order, continued lines joined, its build arguments filled in. */
function instructionsOf(text: string): Instruction[] {
  const lines = text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const given: Record<string, string> = {};
  return lines.map((line) => {
    const [, name = '', rest = ''] = /^\s*(\w+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'ARG') {
      const [variable = '', value = ''] = rest.split('=');
      given[variable] = value;
    }
    return {
      name,
      value: rest.replaceAll(/\$\{(\w+)\}/g, (_all, variable: string) => given[variable] ?? ''),
    };
  });
}

const instructions = instructionsOf(await read('docker/sandbox.Dockerfile'));
const valuesOf = (name: string) => instructions.filter((one) => one.name === name).map(({ value }) => value);
const packages = (await read('docker/sandbox-packages.txt'))
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
const suite = /-([a-z]+)-slim$/.exec(valuesOf('FROM')[0] ?? '')?.[1];

/** Programs and packages by which a user gets the rights of another. */
const raising =
  /^(sudo|doas|opendoas|su-exec|gosu|super|chromium-sandbox|policykit-1|polkitd|pkexec|at|cron|docker.*|podman|bubblewrap|firejail)(:|$)/;

describe('the image of a sandbox', () => {
  it('is of one exact release of its base', () => {
    expect(valuesOf('FROM')).toEqual([
      expect.stringMatching(/^node:\d+\.\d+\.\d+-[a-z]+-slim(@sha256:[\da-f]{64})?$/),
    ]);
  });

  it('is left as a user without privileges, who owns the workspace and nothing that the system runs', () => {
    const last = instructions.findLastIndex(({ name }) => name === 'USER');
    expect(valuesOf('USER')).toEqual(['user']);
    expect(instructions.slice(last).map(({ name }) => name)).toEqual(['USER', 'WORKDIR', 'CMD']);
    const commands = valuesOf('RUN').join('\n');
    expect(commands).toMatch(/useradd .*--uid 1000 .*\buser\b/);
    expect(commands).toMatch(/install --directory --owner user --group user \/workspace/);
    expect(commands).not.toMatch(/sudoers|NOPASSWD|usermod|chmod [^&]*\+s|chown|setcap|passwd /);
  });

  it('takes the rights of others from every program, after the last one was installed', () => {
    const commands = valuesOf('RUN');
    const strip = commands.findIndex((command) =>
      /find \/ -xdev .*-perm \/6000 -exec chmod ug-s/.test(command),
    );
    expect(strip).toBe(commands.length - 1);
    expect(instructions.findLastIndex(({ name }) => name === 'COPY' || name === 'ADD')).toBeLessThan(
      instructions.findLastIndex(({ name }) => name === 'RUN'),
    );
  });

  it('holds nothing of this repository, no secret and no list of packages', async () => {
    const rules = dockerignore
      .default({ ignorecase: false })
      .add(await read('docker/sandbox.Dockerfile.dockerignore'));
    const copied = valuesOf('COPY').map((value) => value.split(/\s+/)[0] ?? '');
    expect(copied).toEqual(['docker/sandbox-packages.txt']);
    expect(
      rules.filter([...copied, 'package.json', '.env', 'docker/app.Dockerfile', 'apps/worker/src/main.ts']),
    ).toEqual(copied);
    expect([...valuesOf('ENV'), ...valuesOf('ARG')].join('\n')).not.toMatch(/SECRET|KEY|TOKEN|PASSWORD/);
    expect(valuesOf('RUN')[0]).toMatch(/rm -rf \/var\/lib\/apt\/lists/);
  });

  it('has what the agent is told it has', () => {
    const wanted =
      'bc build-essential chromium curl git jq pandoc poppler-utils python3 python3-pandas python3-pip ripgrep sqlite3';
    expect(packages).toEqual(expect.arrayContaining(wanted.split(' ')));
    expect(packages.filter((name) => raising.test(name))).toEqual([]);
    expect(packages.filter((name) => !/^[a-z\d][a-z\d.+-]+$/.test(name))).toEqual([]);
    expect(new Set(packages).size).toBe(packages.length);
  });
});

/** A hung apt is none. */
const run = (command: string, parameters: readonly string[]) =>
  spawnSync(command, parameters, { encoding: 'utf8', timeout: 15_000 });

/**
 * What this machine's apt would do by the lists that it has, without the network; null where it cannot tell: other
 * packages than the image's, or no lists of them.
 */
function simulateInstallation(): string | null {
  const release = run('sh', ['-c', '. /etc/os-release; echo "$ID $VERSION_CODENAME"']);
  if (release.stdout.trim() !== `debian ${suite}`) return null;
  const known = run('apt-cache', ['policy', 'ripgrep']);
  if (!/Candidate: \d/.test(known.stdout ?? '')) return null;
  const options = ['install', '--simulate', '--no-install-recommends', '--option', 'Debug::NoLocking=1'];
  const { stdout, stderr, status } = run('apt-get', [...options, ...packages]);
  if (status === null) return null;
  return status === 0 ? stdout : `${stdout}\n${stderr}\nfailed with ${status}`;
}

const simulated = simulateInstallation();
if (simulated === null) {
  process.stderr.write(
    `The packages of the sandbox image were NOT looked up: no package lists of ${suite} here.\n`,
  );
}

describe.skipIf(simulated === null)('the packages of the image', () => {
  it('are all there in its Debian, and fit together', () => {
    expect(simulated).not.toMatch(/^E: |failed with/m);
    expect(simulated).toMatch(/\d+ newly installed/);
  });

  it('bring nothing along by which a user gets the rights of another', () => {
    const installed = [...(simulated ?? '').matchAll(/^Inst (\S+)/gm)].map(([, name = '']) => name);
    expect(installed.filter((name) => raising.test(name))).toEqual([]);
  });
});
