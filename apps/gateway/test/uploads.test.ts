import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStack, type Stack } from './stack.ts';

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await startStack({ LOG_LEVEL: 'info' });
  ({ token } = stack.signIn());
});
afterAll(() => stack.stop());

function get(path: string, as = token): Promise<Response> {
  return fetch(`${stack.url}${path}`, { headers: { authorization: `Bearer ${as}` }, redirect: 'manual' });
}

describe('an upload', () => {
  test('comes back byte for byte, by a url that lives five minutes', async () => {
    const client = stack.client(token);
    const content = Uint8Array.of(0, 1, 254, 255);
    const { file } = await client.files.upload({
      name: '../Übersicht 1.bin',
      content,
      mediaType: 'application/x-data',
    });
    expect(file).toEqual({
      id: file.id,
      name: '../Übersicht 1.bin',
      mediaType: 'application/x-data',
      size: 4,
      url: `/v1/files/${file.id}`,
    });
    expect(await client.files.download(file.id)).toEqual(content);
    const response = await get(file.url);
    expect(response.status).toBe(302);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const location = new URL(response.headers.get('location') ?? '');
    expect(location.origin).toBe(new URL(stack.supabase.url).origin);
    const [, payload = ''] = (location.searchParams.get('token') ?? '').split('.');
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp: number };
    const livesS = exp - Date.now() / 1000;
    expect(livesS).toBeGreaterThan(240);
    expect(livesS).toBeLessThanOrEqual(300);
    const stored = await fetch(location);
    expect(stored.headers.get('content-type')).toBe('application/x-data');
    expect(stored.headers.get('content-disposition')).toContain('attachment');
    // It is read by a page from elsewhere, after a redirect.
    expect(stored.headers.get('access-control-allow-origin')).toBe('*');
  });

  test('is in no log: neither its url nor its name', async () => {
    const { file } = await stack.client(token).files.upload({ name: 'payroll.csv', content: 'a,b' });
    const location = (await get(file.url)).headers.get('location') ?? '';
    const secret = new URL(location).searchParams.get('token') ?? '';
    expect(secret.length).toBeGreaterThan(20);
    await expect.poll(() => stack.logged.filter((line) => line.includes(file.url))).toHaveLength(1);
    const log = stack.logged.join('');
    expect(log).not.toContain(secret);
    expect(log).not.toContain('payroll');
  });

  test("is nobody else's", async () => {
    const { file } = await stack.client(token).files.upload({ name: 'a.txt', content: 'a' });
    const stranger = stack.signIn().token;
    expect((await get(file.url, stranger)).status).toBe(404);
    expect((await fetch(`${stack.url}${file.url}`, { redirect: 'manual' })).status).toBe(401);
    const input = [{ type: 'file' as const, url: file.url, mediaType: 'text/plain' }];
    await expect(stack.client(stranger).startRun({ input })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('belongs to the project that it names, and to no other', async () => {
    const client = stack.client(token);
    const { project } = await client.projects.create({ name: 'one' });
    const { file } = await client.files.upload({ name: 'a.txt', content: 'a' }, { projectId: project.id });
    const input = [{ type: 'file' as const, url: file.url, mediaType: 'text/plain' }];
    await expect(client.startRun({ input })).rejects.toMatchObject({ code: 'invalid_request' });
    const { run } = await client.startRun({ input, projectId: project.id });
    expect(run.projectId).toBe(project.id);
    const theirs = stack.client(stack.signIn().token);
    await expect(
      theirs.files.upload({ name: 'a.txt', content: 'a' }, { projectId: project.id }),
    ).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a file part that names an upload', () => {
  test.each(['as it was answered', 'with our origin before it', 'in capitals'])(
    '%s is stored under its stable url, in a run and in a chat',
    async (spelling) => {
      const client = stack.client(token);
      const { file } = await client.files.upload({
        name: 'q.csv',
        content: 'a,b\n1,2\n',
        mediaType: 'text/csv',
      });
      const spelled = {
        'as it was answered': file.url,
        'with our origin before it': `${stack.url}${file.url}`,
        'in capitals': `/v1/files/${file.id.toUpperCase()}`,
      }[spelling];
      const part = { type: 'file' as const, url: spelled ?? '', mediaType: 'text/csv', filename: 'q.csv' };
      const shown = [
        { type: 'text', text: 'Sum it up.' },
        { ...part, url: file.url },
      ];
      const { thread } = await client.startRun({ input: [{ type: 'text', text: 'Sum it up.' }, part] });
      expect((await client.messages(thread.id)).messages[0]?.parts).toEqual(shown);

      const second = await client.files.upload({ name: 'q.csv', content: 'x' });
      const chatId = `chat-${file.id}`;
      const response = await fetch(`${stack.url}/v1/chat`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          id: chatId,
          messages: [
            {
              id: 'one',
              role: 'user',
              parts: [
                { type: 'text', text: 'Sum it up.' },
                { ...part, url: (spelled ?? '').replace(new RegExp(file.id, 'i'), second.file.id) },
              ],
            },
          ],
        }),
      });
      expect(response.status).toBe(200);
      await response.body?.cancel();
      expect((await client.messages(chatId)).messages[0]?.parts).toEqual([
        { type: 'text', text: 'Sum it up.' },
        { ...part, url: second.file.url },
      ]);
    },
  );
});

describe('a project', () => {
  test('has instructions for its runs, which whoever may write changes and takes away', async () => {
    const client = stack.client(token);
    const { project } = await client.projects.create({ name: 'Sales', instructions: 'Figures in euros.' });
    expect(project).toMatchObject({ name: 'Sales', instructions: 'Figures in euros.' });
    expect((await client.projects.rename(project.id, 'Sales of May')).project).toEqual({
      ...project,
      name: 'Sales of May',
    });
    const { project: changed } = await client.projects.update(project.id, { instructions: 'Be brief.' });
    expect(changed).toEqual({ ...project, name: 'Sales of May', instructions: 'Be brief.' });
    expect(await client.projects.read(project.id)).toEqual({ project: changed });
    expect((await client.projects.update(project.id, {})).project).toEqual(changed);
    const taken = await client.projects.update(project.id, { instructions: null });
    expect(taken.project.instructions).toBeNull();
    const { projects } = await client.projects.list();
    expect(projects.find(({ id }) => id === project.id)).not.toHaveProperty('instructions');
  });

  test('is renamed, and deleted with its threads and the bytes of its files', async () => {
    const client = stack.client(token);
    const { thread, project } = await client.startRun(
      { input: 'Look.' },
      { files: [{ name: 'a.txt', content: 'secret' }] },
    );
    expect((await client.projects.rename(project.id, 'Ideas')).project).toEqual({
      ...project,
      name: 'Ideas',
      instructions: null,
    });
    const fileId = await fileOf(thread.id);
    const location = (await get(`/v1/files/${fileId}`)).headers.get('location') ?? '';
    expect(await (await fetch(location)).text()).toBe('secret');
    await client.projects.delete(project.id);
    for (const read of [
      () => client.projects.read(project.id),
      () => client.threads.read(thread.id),
      () => client.projects.delete(project.id),
      () => client.files.download(fileId),
    ]) {
      await expect(read()).rejects.toMatchObject({ code: 'not_found' });
    }
    expect((await fetch(location)).status).toBe(400);
  });

  test('without a sandbox has an empty workspace, and is given none', async () => {
    const client = stack.client(token);
    const { project } = await client.projects.create({ name: 'empty' });
    for (const path of [undefined, 'a/b', '/workspace']) {
      expect(await client.files.list(project.id, path)).toEqual({ entries: [], isTruncated: false });
    }
    const [row] = await stack.sql`select sandbox_id from projects where id = ${project.id}`;
    expect(row).toEqual({ sandbox_id: null });
  });
});

async function fileOf(threadId: string): Promise<string> {
  const { messages } = await stack.client(token).messages(threadId);
  const part = messages[0]?.parts.find(({ type }) => type === 'data-file');
  return (part as { data: { fileId: string } } | undefined)?.data.fileId ?? '';
}
