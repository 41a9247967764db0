import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBrowser } from './browser.ts';
import { visitPage } from './page-visit.ts';
import { type Stack, startStack } from './stack.ts';

let stack: Stack;
let browser: Browser;
beforeAll(async () => {
  [stack, browser] = await Promise.all([startStack(), openBrowser()]);
}, 120_000);
afterAll(async () => {
  await browser.close();
  await stack.stop();
}, 30_000);

it('shows every operation under its strict policy, and sends a request with a key', async () => {
  const visit = await visitPage(browser, stack);
  const { page } = visit;
  await page.goto('/docs');
  const operations = page.locator('.opblock');
  await operations.first().waitFor();
  const document = (await (await fetch(`${stack.gatewayUrl}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  const described = Object.values(document.paths).flatMap((item) => Object.keys(item));
  expect(described.length).toBeGreaterThan(25);
  await expect.poll(() => operations.count()).toBe(described.length);

  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const dialog = page.locator('.modal-ux');
  await dialog.locator('input').first().fill(stack.apiKey);
  await dialog.getByRole('button', { name: 'Apply credentials' }).first().click();
  await dialog.getByRole('button', { name: 'Close' }).first().click();
  const me = page.locator('#operations-Account-getMe');
  await me.locator('.opblock-summary-control').click();
  await me.getByRole('button', { name: 'Try it out' }).click();
  await me.getByRole('button', { name: 'Execute' }).click();
  await me.locator('.live-responses-table .response-col_status', { hasText: '200' }).waitFor();
  const { accountId } = await stack.client.me();
  await expect.poll(() => me.locator('.live-responses-table').innerText()).toContain(accountId);
  visit.expectNoFault();
  await visit.close();
});
