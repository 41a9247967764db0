import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, statSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import type { Machine } from './probe.ts';

/** Puts up what the probes try to reach. */
export async function prepareMachine(): Promise<Machine & { readonly clear: () => Promise<void> }> {
  const clears: (() => Promise<unknown>)[] = [];
  const secret = (kind: string): string => `${kind}-${randomUUID()}`;
  const secrets = {
    environmentSecret: secret('environment'),
    fileSecret: secret('file'),
    answerSecret: secret('answer'),
    argumentSecret: secret('argument'),
    sharedSecret: secret('shared'),
  };

  async function makeFolder(parent: string): Promise<{ open: string; privateFile: string }> {
    const open = await mkdtemp(path.join(parent, 'switchyard-wall-test-'));
    clears.push(() => rm(open, { recursive: true, force: true }));
    await chmod(open, 0o777);
    const privateFile = path.join(open, 'private');
    await writeFile(privateFile, secrets.fileSecret, { mode: 0o600 });
    return { open, privateFile };
  }
  const temporary = await makeFolder(tmpdir());
  const lasting = await makeFolder('/var/tmp');
  const shared = `/dev/shm/switchyard-wall-test-${randomUUID()}`;
  await writeFile(shared, secrets.sharedSecret, { mode: 0o644 });
  clears.push(() => rm(shared, { force: true }));

  async function serve(where: number | string): Promise<number> {
    const server = createServer((request, response) => {
      const target = request.url?.split('/to/')[1];
      if (target === undefined) response.end(secrets.answerSecret);
      else response.writeHead(302, { location: decodeURIComponent(target) }).end();
    });
    server.listen(typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where });
    await once(server, 'listening');
    clears.push(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
    return typeof where === 'number' ? (server.address() as AddressInfo).port : 0;
  }
  const webPort = await serve(0);
  const abstractSocket = `\0switchyard-wall-test-${randomUUID()}`;
  await serve(abstractSocket);
  const socketPath = path.join(temporary.open, 'web.sock');
  await serve(socketPath);
  await chmod(socketPath, 0o666);

  const datagrams = createSocket('udp4', (_message, from) => {
    datagrams.send(secrets.answerSecret, from.port, from.address);
  });
  datagrams.bind(0, '127.0.0.1');
  await once(datagrams, 'listening');
  clears.push(() => new Promise<void>((resolve) => datagrams.close(() => resolve())));

  const child = spawn('/bin/sh', ['-c', 'read line; :', secrets.argumentSecret], {
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  await once(child, 'spawn');
  clears.push(async () => void child.kill('SIGKILL'));

  return {
    ...secrets,
    openFolder: temporary.open,
    privateFile: temporary.privateFile,
    openVarFolder: lasting.open,
    privateVarFile: lasting.privateFile,
    // Of the user, and not what HOME says: that may lie in a folder that no wall has to hide.
    home: userInfo().homedir,
    webPort,
    datagramPort: datagrams.address().port,
    abstractSocket,
    socketPath,
    pid: child.pid ?? 0,
    device: findDevice(),
    async clear() {
      for (const clear of clears.toReversed()) await clear();
    },
  };
}

/** A disk where this process can open one, else something else that only root may; opening it does nothing. */
function findDevice(): Machine['device'] {
  const disks = readdirSync('/dev').filter((name) => /^(vd|sd|nvme|xvd)[a-z0-9]*$/.test(name));
  const candidates = [...disks, 'loop0', 'fuse', 'kvm', 'loop-control'].map((name) => `/dev/${name}`);
  const found = candidates.find((candidate) => {
    try {
      closeSync(openSync(candidate, 'r'));
      return true;
    } catch {
      return false;
    }
  });
  const devicePath = found ?? '/dev/fuse';
  const stat = statSync(devicePath, { throwIfNoEntry: false });
  const number = stat?.rdev ?? 0;
  return {
    path: devicePath,
    kind: stat?.isBlockDevice() ? 'b' : 'c',
    // As makedev(3) of glibc has them, for numbers as small as these are.
    major: (number >> 8) & 0xfff,
    minor: number & 0xff,
  };
}
