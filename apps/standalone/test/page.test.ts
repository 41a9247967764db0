import type { SwitchyardMessage } from '@switchyard/protocol';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openBrowser } from './browser.ts';
import {
  dropFile,
  ending,
  signIn,
  leaveForNewTask,
  startTask,
  taskBox,
  type Visit,
  visitPage,
} from './page-visit.ts';
import { type Stack, startStack } from './stack.ts';

let stack: Stack;
let browser: Browser;
let visit: Visit;
beforeAll(async () => {
  [stack, browser] = await Promise.all([startStack(), openBrowser()]);
  const call = (name: string, given: Record<string, unknown>) => ({ toolCall: { name, arguments: given } });
  const plan = (first: string, second: string) =>
    call('todo', {
      todos: [
        { text: 'Look at the table', status: first },
        { text: 'Write the report', status: second },
      ],
    });
  await stack.setScenario('report', {
    turns: [
      {
        steps: [
          { reasoning: 'The table comes first.' },
          { text: 'I look at the table.' },
          plan('in-progress', 'open'),
        ],
      },
      {
        // Runs until the file is there.
        steps: [
          call('shell', {
            command: 'cat uploads/people.csv; echo waiting for go; until [ -e go ]; do sleep 0.05; done',
            timeout_seconds: 120,
          }),
        ],
      },
      {
        steps: [
          plan('done', 'in-progress'),
          call('write_file', {
            path: 'out/report.md',
            content: '# Two people\n\n| name |\n|---|\n| Ada |\n',
          }),
          call('shell', { command: 'echo broken >&2; exit 3' }),
        ],
      },
      { steps: [{ text: ['There are ', '**two** people', ' in the table.'] }] },
      // Its plan is not done: it is asked once to go on.
      { steps: [{ text: 'I leave it at that.' }] },
    ],
  });
  await stack.setScenario('consent', {
    turns: [
      {
        steps: [
          call('shell', { command: 'echo "it ran" > ran.txt; cat ran.txt', consent: 'May I write ran.txt?' }),
        ],
      },
      { steps: [{ text: 'I went on.' }] },
    ],
  });
  await stack.setScenario('handed', {
    turns: [
      { steps: [call('write_file', { path: 'out/plan.md', content: '# The plan\n' })] },
      { steps: [call('complete', { summary: 'The plan is made.', attachments: ['out/plan.md'] })] },
    ],
  });
  // What another run does in the same workspace.
  await stack.setScenario('go', { turns: [{ steps: [call('shell', { command: 'touch go' })] }] });
  await stack.setScenario('corrected', {
    turns: [
      {
        steps: [
          call('shell', {
            command: 'echo waiting for go; until [ -e go ]; do sleep 0.05; done',
            timeout_seconds: 120,
          }),
        ],
      },
      { steps: [{ text: 'I heard it.' }] },
    ],
  });
  await stack.setScenario('endless', { turns: [{ steps: [{ text: 'I begin.' }, { stall: true }] }] });
  await stack.setScenario('quick', { turns: [{ steps: [{ text: 'Quick answer.' }] }] });
  await stack.setScenario('refused', {
    turns: [
      {
        steps: [{ text: 'Now it answers.' }],
        faults: [{ kind: 'status', status: 400, message: 'not today', times: 1 }],
      },
    ],
  });
}, 120_000);
afterAll(async () => {
  await browser.close();
  await stack.stop();
}, 30_000);
beforeEach(async () => {
  visit = await visitPage(browser, stack);
});
afterEach(async () => {
  visit.expectNoFault();
  await visit.close();
});

async function answerOf(threadId: string): Promise<SwitchyardMessage | undefined> {
  return (await stack.client.messages(threadId)).messages.findLast(({ role }) => role === 'assistant');
}

describe('signing in', () => {
  it('says what is wrong with a wrong password, and opens the tasks with the right one', async () => {
    const { page } = visit;
    await page.getByLabel('Email').fill(stack.email);
    await page.getByLabel('Password').fill('not the password');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Email or password is wrong.' }).waitFor();
    await signIn(visit, stack);
    await page.reload();
    await page.getByRole('heading', { name: 'What needs doing?' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.evaluate(() => Object.keys(localStorage))).toEqual([]);
  });

  it('renews a token that the gateway refuses, and goes on', async () => {
    const { page } = visit;
    await signIn(visit, stack);
    await page.evaluate(`(() => {
      const stored = JSON.parse(localStorage.getItem('switchyard.session'));
      localStorage.setItem('switchyard.session', JSON.stringify({ ...stored, accessToken: 'withdrawn' }));
    })()`);
    await page.reload();
    await startTask(page, '[[scenario:quick]]');
    await page.getByText('Quick answer.').waitFor();
    expect(visit.requests.filter(({ search }) => search === '?grant_type=refresh_token')).toHaveLength(1);
  });
});

describe('a task', () => {
  it('is shown from a dropped file over live steps and a reload to its end and its files', async () => {
    const { page } = visit;
    await signIn(visit, stack);
    await dropFile(page, 'people.csv', 'name,age\nAda,36\nGrace,45\n');
    const threadId = await startTask(page, 'Report on the people. [[scenario:report]]');
    await page.locator('.is-user').getByText('people.csv').waitFor();

    const terminal = page.getByRole('log').filter({ hasText: 'waiting for go' });
    await terminal.waitFor();
    expect(await terminal.innerText()).toContain('Ada,36');
    await page.locator('.reasoning summary').click();
    await page.getByText('The table comes first.').waitFor();
    await page.getByText('Plan 0/2').click();
    await page.locator('.plan li').filter({ hasText: 'Look at the table' }).waitFor();
    const status = page.locator('.run-status');
    await status.getByText('Working').waitFor();
    await status.getByText(/step 2 · .* tokens · \$/).waitFor();
    expect(await page.title()).toContain('●');
    await page.locator('.thread-list').getByText('Running').waitFor();

    await page.reload();
    await terminal.waitFor();
    await status.getByText('Working').waitFor();
    await page.getByText('I look at the table.').waitFor();

    await page.getByRole('button', { name: 'Files', exact: true }).click();
    const files = page.getByRole('complementary', { name: 'Files' });
    await files.getByRole('button', { name: 'uploads' }).click();
    await files.getByRole('button', { name: /people\.csv/ }).waitFor();
    await files.getByRole('button', { name: 'Up' }).click();
    const { thread } = await stack.client.threads.read(threadId);
    await stack.startRun('[[scenario:go]]', { projectId: thread.projectId });
    await ending(page).getByText('Finished').waitFor();
    expect(await ending(page).innerText()).toMatch(/5 steps · .* s · .* tokens · \$/);
    await page.getByText('Plan 1/2').waitFor();
    await page.getByText('exit code 3').waitFor();
    expect(await status.isHidden()).toBe(true);
    const said = await page.locator('.said').allInnerTexts();
    const stored = (await answerOf(threadId))?.parts.flatMap((part) =>
      part.type === 'text' ? [part.text] : [],
    );
    expect(said).toEqual(stored?.map((text) => text.replaceAll('*', '')));

    await page.locator('.tool summary').filter({ hasText: 'out/report.md' }).click();
    await page.locator('.tool').getByRole('button', { name: 'report.md' }).click();
    await files.getByRole('heading', { name: 'Two people' }).waitFor();
    await files.getByRole('cell', { name: 'Ada' }).waitFor();
    await files.getByRole('button', { name: 'Back to the files' }).click();
    await files.getByRole('button', { name: 'out' }).click();
    await files.getByRole('button', { name: /report\.md/ }).waitFor();
    await page
      .locator('.is-user')
      .getByRole('button', { name: /people\.csv/ })
      .click();
    await files.getByText('2 rows, 2 columns').waitFor();
    const download = page.waitForEvent('download');
    await files.getByRole('button', { name: 'Download people.csv' }).click();
    expect((await download).suggestedFilename()).toBe('people.csv');
  });

  it('ends with the files that the agent hands over, to look at and to download', async () => {
    const { page } = visit;
    await signIn(visit, stack);
    await startTask(page, '[[scenario:handed]]');
    await page.getByRole('region', { name: 'Result' }).getByText('The plan is made.').waitFor();
    await page.getByRole('button', { name: /plan\.md\s*11 B/ }).click();
    await page.getByRole('heading', { name: 'The plan', exact: true }).waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download plan.md' }).click();
    expect((await download).suggestedFilename()).toBe('plan.md');
  });

  it('stops when it is told to, and keeps what was said', async () => {
    const { page } = visit;
    await signIn(visit, stack);
    const threadId = await startTask(page, '[[scenario:endless]]');
    await page.getByText('I begin.').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await ending(page).getByText('Stopped').waitFor();
    expect((await answerOf(threadId))?.metadata).toMatchObject({ status: 'cancelled' });
    await page.reload();
    await ending(page).getByText('Stopped').waitFor();
    await page.getByText('I begin.').waitFor();
  });

  it('says why it failed, also after a reload, and can be tried again', async () => {
    const { page } = visit;
    await signIn(visit, stack);
    await startTask(page, '[[scenario:refused]]');
    await ending(page).getByText('The model did not answer').waitFor();
    await page.reload();
    await ending(page)
      .getByText(/not today/)
      .waitFor();
    await ending(page).getByRole('button', { name: 'Try again' }).click();
    await ending(page).getByText('Finished').waitFor();
    expect(await page.locator('.said').allInnerTexts()).toEqual(['Now it answers.']);
  });

  it('asks before a step that needs consent, and goes on either way', async () => {
    const { page } = visit;
    await signIn(visit, stack);
    const asked = page.getByRole('group', { name: 'Approval' });
    await startTask(page, '[[scenario:consent]]');
    await asked.getByText('May I write ran.txt?').waitFor();
    await page.locator('.run-status').getByText('Needs your approval').waitFor();
    await page.locator('.thread-list').getByText('Needs you').first().waitFor();
    await page.reload();
    await asked.getByRole('button', { name: 'Allow' }).click();
    await page.getByText('I went on.').waitFor();
    await page.getByRole('log').getByText('it ran').waitFor();
    await ending(page).getByText('Finished').waitFor();

    await leaveForNewTask(page);
    const threadId = await startTask(page, '[[scenario:consent]]');
    await asked.getByRole('textbox').fill('Not today.');
    await asked.getByRole('button', { name: 'Deny' }).click();
    await page.getByText('I went on.').waitFor();
    await page.locator('.tool').getByText('not allowed', { exact: true }).waitFor();
    await ending(page).getByText('Finished').waitFor();
    const tool = (await answerOf(threadId))?.parts.find(({ type }) => type === 'tool-shell');
    expect(tool).toMatchObject({
      state: 'output-denied',
      approval: { approved: false, reason: 'Not today.' },
    });
  });

  it('takes a correction while it runs', async () => {
    const { page } = visit;
    await signIn(visit, stack);
    const threadId = await startTask(page, '[[scenario:corrected]]');
    await page.getByText('waiting for go').last().waitFor();
    await taskBox(page).fill('In metres, please.');
    await page.getByRole('button', { name: 'Send' }).click();
    await expect.poll(() => taskBox(page).inputValue()).toBe('');
    const { thread } = await stack.client.threads.read(threadId);
    await stack.startRun('[[scenario:go]]', { projectId: thread.projectId });
    await page.locator('.steering').getByText('In metres, please.').waitFor();
    await page.getByText('I heard it.').waitFor();
    await ending(page).getByText('Finished').waitFor();
  });

  it('is the same in two tabs, which also sign out together', async () => {
    const { page } = visit;
    await signIn(visit, stack);
    await startTask(page, '[[scenario:endless]]');
    await page.getByText('I begin.').waitFor();
    const second = await page.context().newPage();
    await second.goto(page.url());
    await second.getByText('I begin.').waitFor();
    await second.getByRole('button', { name: 'Stop' }).click();
    for (const tab of [page, second]) await ending(tab).getByText('Stopped').waitFor();
    await taskBox(second).fill('[[scenario:quick]]');
    await taskBox(second).press('Enter');
    for (const tab of [page, second]) {
      await tab.getByText('Quick answer.').waitFor();
      expect(await tab.locator('.said').allInnerTexts()).toEqual(['I begin.', 'Quick answer.']);
    }
    await page.getByRole('button', { name: 'Sign out' }).click();
    await second.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
});

describe('the list of tasks', () => {
  it('renames, finds, archives and deletes', async () => {
    const { page } = visit;
    await signIn(visit, stack);
    const word = `w${crypto.randomUUID().slice(0, 8)}`;
    const list = page.getByRole('navigation', { name: 'Tasks' });
    const rows = list.getByRole('link', { name: new RegExp(word) });
    const choose = async (name: string) => {
      await page.getByLabel('More').click();
      await page.getByRole('button', { name }).click();
    };
    await startTask(page, `Another task. [[scenario:quick]]`);
    await ending(page).waitFor();
    await leaveForNewTask(page);
    const threadId = await startTask(page, `First words. [[scenario:quick]]`);
    await ending(page).waitFor();
    await choose('Rename');
    await page.getByRole('dialog').getByRole('textbox').fill(`Seldom ${word}`);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: `Seldom ${word}` }).waitFor();
    await rows.waitFor();
    expect((await stack.client.threads.read(threadId)).thread.title).toBe(`Seldom ${word}`);

    await page.getByRole('searchbox').fill(word);
    await expect.poll(() => list.getByRole('link').count()).toBe(1);
    await page.getByRole('searchbox').fill(`${word}nothing`);
    await list.getByText('Nothing was found.').waitFor();
    await page.getByRole('searchbox').fill('');
    await expect.poll(() => list.getByRole('link').count()).toBeGreaterThan(1);

    await choose('Archive');
    await page.getByRole('heading', { name: 'What needs doing?' }).waitFor();
    await expect.poll(() => rows.count()).toBe(0);
    expect((await stack.client.threads.read(threadId)).thread.archived).toBe(true);
    await page.goto(`/#/t/${threadId}`);
    await choose('Put back');
    await rows.waitFor();
    await choose('Delete');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await expect.poll(() => rows.count()).toBe(0);
    await expect(stack.client.threads.read(threadId)).rejects.toMatchObject({ code: 'not_found' });
  });
});
