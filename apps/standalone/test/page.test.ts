import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from './browser.ts';
import { signIn, type Visit, visitPage } from './page-visit.ts';
import { type Stack, startStack } from './stack.ts';

let stack: Stack;
let browser: Browser;
let visit: Visit;
beforeAll(async () => {
  [stack, browser] = await Promise.all([startStack(), openBrowser()]);
}, 120_000);
afterAll(async () => {
  await browser.close();
  await stack.stop();
}, 30_000);
afterEach(async () => {
  visit.expectNoFault();
  await visit.close();
});

describe('signing in', () => {
  it('says what is wrong with a wrong password, and opens the tasks with the right one', async () => {
    visit = await visitPage(browser, stack);
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
});
