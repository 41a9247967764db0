import { mkdir } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser } from './browser.ts';
import { type ExampleApp, startExampleApp } from './example-app.ts';
import { type Stack, startStack } from './stack.ts';

let stack: Stack;
let browser: Browser;
beforeAll(async () => {
  [stack, browser] = await Promise.all([startStack(), openBrowser()]);
  const words = Array.from({ length: 60 }, (_value, index) => `word-${index} `);
  await stack.setScenario('slow', { turns: [{ steps: [{ text: words, delayMs: 25 }] }] });
  await stack.setScenario('quick', { turns: [{ steps: [{ text: 'Quick answer.' }] }] });
  await stack.setScenario('other', { turns: [{ steps: [{ text: 'Other answer.' }] }] });
  await stack.setScenario('stalling', { turns: [{ steps: [{ text: 'Half a' }, { stall: true }] }] });
}, 120_000);
afterAll(async () => {
  await browser.close();
  await stack.stop();
}, 30_000);

/** Shows what a test sees to whoever sets SHOTS to a folder. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env['SHOTS'];
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png` });
}

/** A page that fails its test when it throws, or when the browser refuses something to it. */
async function openPage(url: string): Promise<{ readonly page: Page; readonly faults: readonly string[] }> {
  const page = await browser.newPage({ viewport: { width: 1000, height: 720 } });
  page.setDefaultTimeout(20_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    // A chat that nobody has written in yet is not there: the browser says so, and nothing is wrong.
    if (message.type() === 'error' && !message.text().includes('404')) faults.push(message.text());
  });
  await page.goto(url);
  return { page, faults };
}

describe('examples/use-chat', () => {
  let app: ExampleApp;
  beforeAll(async () => {
    app = await startExampleApp({ name: 'use-chat', gatewayUrl: stack.gatewayUrl, token: stack.apiKey });
  });
  afterAll(() => app.stop());

  async function send(page: Page, text: string): Promise<void> {
    await page.getByLabel('Message').fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
  }

  test('the build holds no secret', () => {
    expect(app.builtText).toContain('/connection.json');
    expect(app.builtText).not.toContain(stack.apiKey);
  });

  test('a message is answered, edited and answered anew, and still there after a reload', async () => {
    const { page, faults } = await openPage(app.url);
    await send(page, '[[scenario:quick]] Hello.');
    await page.getByText('Quick answer.').waitFor();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Edit').fill('[[scenario:other]] Hello, edited.');
    await page.locator('form.edit').getByRole('button', { name: 'Send' }).click();
    await page.getByText('Other answer.').waitFor();
    await page.getByRole('button', { name: 'Regenerate' }).click();
    await page.getByText('Other answer.').waitFor();
    await page.reload();
    await page.getByText('Other answer.').waitFor();
    expect(await page.locator('article').count()).toBe(2);
    expect(await page.getByText('Quick answer.').count()).toBe(0);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('a reload joins the answer that comes; stop ends it', async () => {
    const { page, faults } = await openPage(app.url);
    await send(page, '[[scenario:slow]] Tell me.');
    await page.getByText('word-3').waitFor();
    await page.reload();
    await page.getByText('word-59').waitFor();
    await send(page, '[[scenario:stalling]] Again.');
    await page.getByText('Half a').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Send' }).waitFor();
    const threadId = new URL(page.url()).hash.slice(1);
    const { messages } = await stack.client.messages(threadId);
    expect(messages.at(-1)?.metadata).toMatchObject({ status: 'cancelled' });
    await shoot(page, 'use-chat');
    expect(faults).toEqual([]);
    await page.close();
  });
});
