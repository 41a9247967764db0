import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkScript, endScript, inputScript, leaveScript } from '../src/background-scripts.ts';
import { identifyScript, inspectScript, startScript, stopScript, waitScript } from '../src/call-scripts.ts';
import { changeScript } from '../src/change-script.ts';
import { listScript, readScript, removeScript } from '../src/file-scripts.ts';
import { seenKey, versionOfBytes } from '../src/seen-files.ts';
import { sessionEnvironment, sessionText } from '../src/session-text.ts';
import { quote } from '../src/shell-text.ts';
import { temporaryFolder } from './host-process.ts';
import { runShell, shells, writeScript } from './shells.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  // Here the scripts' own places are this machine's.
  const token = (await runShell('/bin/sh', identifyScript())).words[1];
  for (const place of ['/dev/shm', '/tmp']) {
    await rm(path.join(place, `.switchyard-${token}`), { recursive: true, force: true });
  }
  await folder.remove();
});

describe.each(shells)('under %s', (shell) => {
  const run = (script: string) => runShell(shell, script);
  const token = async (): Promise<string> => (await run(identifyScript())).words[1] ?? '';
  const newKey = (): string => `test-${randomUUID()}`;
  const start = async (
    key: string,
    command: string,
    nonce = 'aa',
    session: { readonly text: string; readonly environment: string } | null = null,
  ) =>
    run(
      startScript({
        key,
        token: await token(),
        nonce,
        command,
        session,
        cwd: folder.path,
        label: null,
        reader: null,
        resultJson: '{"a":"it\'s"}',
        maxBytes: 100_000,
        waitSeconds: 0.3,
        forgetKeys: [],
      }),
    );

  test('a command starts once, ends, and is recorded', async () => {
    const key = newKey();
    const first = await start(key, 'echo "it\'s"; exit 3');
    expect(first.words).toEqual(['exited', '3']);
    expect(first.lines[0]?.toString()).toBe("it's\n");
    expect((await start(key, 'echo again', 'bb')).words).toEqual(['taken']);
    // The same asker again, as after a lost answer: told what happened, nothing started.
    expect((await start(key, 'echo again', 'aa')).words).toEqual(['exited', '3']);
    const record = await run(inspectScript({ key, token: await token(), maxBytes: 1_000 }));
    expect(record.words).toEqual(['recorded', '3', '5']);
    expect(record.lines.slice(0, 2).map(String)).toEqual(['{"a":"it\'s"}', "it's\n"]);
  });

  test('a command that takes its time is waited for and stopped', async () => {
    const key = newKey();
    expect((await start(key, 'echo up; sleep 300')).words).toEqual(['running']);
    const options = { key, token: await token(), maxBytes: 1_000, waitSeconds: 0.2 };
    const waited = await run(waitScript({ ...options, offset: 0 }));
    expect([waited.words, waited.lines[0]?.toString()]).toEqual([['running'], 'up\n']);
    const stop = { key, token: await token(), nonce: 'aa', reason: 'timed-out' } as const;
    expect((await run(stopScript({ ...stop, nonce: 'bb' }))).words).toEqual(['taken']);
    expect((await run(stopScript(stop))).words).toEqual(['killed']);
    expect((await run(waitScript({ ...options, offset: 3 }))).words).toEqual(['exited', 'timed-out']);
  });

  test('a session keeps its folder and variables, whatever they hold', async () => {
    const session = `session of ${randomUUID()}`;
    const inSession = async (command: string) => {
      const options = { session, token: await token() };
      const environment = sessionEnvironment(options.session, options.token);
      return (
        await start(newKey(), command, 'aa', { text: sessionText({ ...options, cwd: null }), environment })
      ).lines[0]?.toString();
    };
    await inSession(`cd /usr; export ODD='it'"'"'s\n"$x" \\ *'; unset HOME; exit 3`);
    expect(await inSession('pwd; printf "%s" "$ODD [$HOME] $PAGER"; cd /')).toBe(
      `/usr\nit's\n"$x" \\ * [] cat`,
    );
    expect(await inSession('cd -; false')).toBe('/usr\n');
    expect(await inSession(`: '${'x'.repeat(150_000)}'\npwd`)).toBe('/usr\n');
  });

  test('a command in the background is written to, looked at and ended', async () => {
    const key = `call-${createHash('sha256').update(randomUUID()).digest('hex').slice(0, 40)}`;
    const now = await token();
    const session = sessionText({ session: key, token: now, cwd: null });
    const begun = await run(
      startScript({
        key,
        token: now,
        nonce: 'aa',
        command: 'echo up; while read -r line; do echo "got $line"; done; echo end; sleep 300',
        cwd: folder.path,
        session: { text: session, environment: sessionEnvironment(key, now) },
        label: "it's a label",
        reader: 'me',
        resultJson: null,
        maxBytes: 1_000,
        waitSeconds: 0.3,
        forgetKeys: [],
      }),
    );
    expect([begun.words, begun.lines[0]?.toString()]).toEqual([['running'], 'up\n']);
    const id = key.slice(5, 17);
    const claim = () => ({ key: newKey(), token: now, nonce: 'aa', resultJson: null });
    const check = {
      token: now,
      ids: [id],
      reader: 'me',
      offset: null,
      until: 'output',
      maxBytes: 1_000,
    } as const;
    const look = async () =>
      (await run(checkScript({ ...check, call: newKey(), waitSeconds: 5 }))).lines.map(String);
    const write = { id, isInterrupting: false, isClosing: false } as const;
    expect((await run(inputScript({ ...write, claim: claim(), text: 'one\n' }))).words).toEqual(['ok']);
    // Three bytes before what is new, as whoever reads asks for.
    expect((await look()).slice(0, 3)).toEqual([
      expect.stringMatching(`^${key} running 3 11 0 \\d+ 1$`),
      "it's a label",
      'up\ngot one\n',
    ]);
    expect((await run(inputScript({ ...write, claim: claim(), text: '', isClosing: true }))).words).toEqual([
      'ok',
    ]);
    expect((await look())[2]).toBe('ne\nend\n');
    expect((await run(inputScript({ ...write, claim: claim(), text: 'x' }))).words).toEqual(['closed']);
    expect((await run(endScript({ claim: claim(), id }))).words).toEqual(['ok']);
    expect((await look())[0]).toMatch(`${key} 143 15 15 0`);
    expect((await run(endScript({ claim: claim(), id }))).words).toEqual(['ended']);
    expect((await run(endScript({ claim: claim(), id: '0'.repeat(12) }))).words).toEqual(['unknown']);
  });

  test('a command that was waited for is left to go on', async () => {
    const key = newKey();
    expect((await start(key, 'echo up; sleep 300')).words).toEqual(['running']);
    const leave = { key, token: await token(), reader: 'me', offset: 3 };
    expect((await run(leaveScript(leave))).words).toEqual(['left']);
    expect((await run(leaveScript(leave))).words).toEqual(['left']);
    const stop = { key, token: await token(), nonce: 'aa', reason: 'killed' } as const;
    expect((await run(stopScript(stop))).words).toEqual(['killed']);
    expect((await run(leaveScript(leave))).words).toEqual(['ended']);
  });

  test('nothing runs in another incarnation', async () => {
    const script = startScript({
      key: newKey(),
      token: 'another-1',
      nonce: 'aa',
      command: `touch ${folder.path}/never`,
      session: null,
      cwd: folder.path,
      label: null,
      reader: null,
      resultJson: null,
      maxBytes: 1_000,
      waitSeconds: 0.1,
      forgetKeys: [],
    });
    expect((await run(script)).words).toEqual(['incarnation']);
    expect(existsSync(path.join(folder.path, 'never'))).toBe(false);
  });

  test('files are written, read, listed and removed', async () => {
    const target = path.join(folder.path, randomUUID(), "it's $(odd)");
    const content = Buffer.from([0, 255, 10, 13, 39, 36]);
    const source = { kind: 'inline', base64: content.toString('base64') } as const;
    const claim = { key: newKey(), token: await token(), nonce: 'aa', resultJson: null };
    const root = folder.path;
    const change = {
      kind: 'write',
      path: target,
      mode: 0o600,
      isModeForced: false,
      source,
      expected: null,
      seen: null,
      replaced: null,
    } as const;
    const write = changeScript({ claim, root, nonce: 'aa', changes: [change], uploadPath: null });
    expect((await run(write)).words).toEqual(['ok']);
    expect((await run(write)).words).toEqual(['ok']);
    const read = await run(readScript({ path: target, root, offset: 1, length: 100, seen: null }));
    const stamp = expect.stringMatching(/^\d+-6-\d+\.\d{9}$/) as unknown;
    expect([read.words, read.lines[0]]).toEqual([['file', '6', '-', '-', stamp], content.subarray(1)]);
    const listed = await run(listScript({ path: path.dirname(target), root, depth: 1, maxEntries: 10 }));
    expect(listed.lines[0]?.toString()).toMatch(/^it's \$\(odd\) f 6 [\d.]+ 600\0$/);
    expect((await run(removeScript({ claim: null, path: target, root }))).words).toEqual(['ok']);
    expect((await run(removeScript({ claim: null, path: target, root }))).words).toEqual(['not-found']);
  });

  test('text is written as it is, over a file that keeps its mode', async () => {
    const root = folder.path;
    const target = path.join(root, randomUUID(), 'с -> // 1 2', 'text');
    const write = (text: string, isFirst: boolean) =>
      run(
        changeScript({
          claim: null,
          root,
          nonce: 'aa',
          changes: [
            {
              kind: 'write',
              path: target,
              mode: 0o640,
              isModeForced: false,
              source: { kind: 'text', text },
              expected: isFirst ? 'absent' : null,
              seen: null,
              replaced: null,
            },
          ],
          uploadPath: null,
        }),
      );
    const text = `\ufeff'it''s'\r\n\t$x \`y\` \\n %s\u0001 с😀\n\n`;
    expect((await write('', true)).words).toEqual(['ok']);
    expect((await write(text, true)).words).toEqual(['stale', '0']);
    expect((await write(text, false)).words).toEqual(['ok']);
    expect(await readFile(target, 'utf8')).toBe(text);
    expect((await stat(target)).mode & 0o777).toBe(0o640);
  });

  test('a file is replaced as it was seen last, and what was there is told, again when asked twice', async () => {
    const root = folder.path;
    const target = path.join(root, randomUUID());
    const claim = { key: newKey(), token: await token(), resultJson: '"created"' };
    const key = seenKey(randomUUID(), target);
    const replace = (text: string, { ownClaim = false, nonce = 'aa' } = {}) =>
      run(
        changeScript({
          claim: ownClaim ? { ...claim, nonce } : null,
          root,
          nonce,
          changes: [
            {
              kind: 'write',
              path: target,
              mode: 0o644,
              isModeForced: false,
              source: { kind: 'text', text },
              expected: null,
              seen: { key, version: versionOfBytes(Buffer.from(text)) },
              replaced: { resultJson: '"overwritten"' },
            },
          ],
          uploadPath: null,
        }),
      );
    expect((await replace('one')).words).toEqual(['ok']);
    const second = await replace('two', { ownClaim: true });
    expect([second.words, second.lines[0]?.toString()]).toEqual([['ok', 'replaced'], 'one']);
    expect((await replace('two', { ownClaim: true })).words).toEqual(['ok', 'replaced']);
    expect((await replace('two', { ownClaim: true, nonce: 'bb' })).words).toEqual(['taken']);
    const recorded = await run(inspectScript({ ...claim, maxBytes: 100 }));
    expect([recorded.words, recorded.lines[0]?.toString()]).toEqual([
      ['recorded', '0', '0'],
      '"overwritten"',
    ]);
    await writeFile(target, 'another');
    expect((await replace('three')).words).toEqual(['stale', '0']);
    await rm(target);
    expect((await replace('three')).words).toEqual(['ok']);
    await promisify(execFile)('mkfifo', [`${target}-pipe`]);
    await rename(`${target}-pipe`, target);
    expect((await replace('four')).words).toEqual(['not-a-file', '0']);
  });

  test('an upload is gone behind its change, also a refused one, and kept for who is still at it', async () => {
    const root = path.join(folder.path, randomUUID());
    await mkdir(root);
    const key = newKey();
    const now = await token();
    const write = async (nonce: string, known = now) => {
      const uploadPath = path.join(folder.path, randomUUID());
      await writeFile(uploadPath, 'text');
      const claim = { key, token: known, nonce, resultJson: '{}' };
      const script = writeScript(root, { kind: 'uploaded', offset: 0, length: 4 }, { claim, uploadPath });
      return [(await run(script)).words[0], existsSync(uploadPath)];
    };
    expect(await write('aa', 'other')).toEqual(['incarnation', false]);
    expect(await write('aa')).toEqual(['ok', false]);
    expect(await write('bb')).toEqual(['taken', false]);
    expect(await write('aa')).toEqual(['ok', true]);
  });

  test('any text is one word, unchanged', async () => {
    await mkdir(folder.path, { recursive: true });
    const word = fc
      .string({ unit: 'binary', maxLength: 30 })
      .map((text) => text.toWellFormed().replaceAll('\0', ''));
    await fc.assert(
      fc.asyncProperty(word, async (text) => {
        const { lines } = await run(`echo 'SY1 x'; printf %s ${quote(text)} | base64 -w 0`);
        expect(lines[0]?.toString()).toBe(text);
      }),
      { numRuns: 25 },
    );
  });
});
