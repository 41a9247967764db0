import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Stack } from './stack.ts';

/** A browser of its own that looks at the page of a stack, and what went wrong in it. */
export interface Visit {
  readonly page: Page;
  /** Every address that was asked for, from all tabs. */
  readonly requests: readonly URL[];
  /**
   * Fails for an error of a script, for a violation of the policy, and for a request to another place than the gateway
   * and the sign-in service, in any tab.
   */
  readonly expectNoFault: () => void;
  readonly close: () => Promise<void>;
}

/** A browser says this of every answer that is no success, also of those that a test provokes. */
const isAnswer = (text: string) => text.startsWith('Failed to load resource');

/** Runs in the page. */
const reportViolations = `addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
  console.error('The policy was violated: ' + effectiveDirective + ' ' + blockedURI);
});`;

/** Opens the page as somebody who has never been there. */
export async function visitPage(
  browser: Browser,
  stack: Pick<Stack, 'gatewayUrl' | 'supabaseUrl'>,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ baseURL: stack.gatewayUrl, ...options });
  context.setDefaultTimeout(20_000);
  const faults: string[] = [];
  const requests: URL[] = [];
  context.on('request', (request) => requests.push(new URL(request.url())));
  context.on('weberror', (error) => faults.push(String(error.error())));
  context.on('console', (message) => {
    if (message.type() === 'error' && !isAnswer(message.text())) faults.push(message.text());
  });
  await context.addInitScript({ content: reportViolations });
  const page = await context.newPage();
  await page.goto('/');
  const own = new Set([new URL(stack.gatewayUrl).origin, new URL(stack.supabaseUrl).origin]);
  return {
    page,
    requests,
    expectNoFault() {
      expect(faults).toEqual([]);
      const foreign = requests.filter(
        ({ protocol, origin }) => protocol !== 'blob:' && protocol !== 'data:' && !own.has(origin),
      );
      expect(foreign.map(String)).toEqual([]);
    },
    close: () => context.close(),
  };
}

/** Signs in with the email and password that `npm start` prints. */
export async function signIn({ page }: Visit, { email, password }: Stack): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'What needs doing?' }).waitFor();
}

/** The box that takes the next task. */
export const taskBox = (page: Page) => page.locator('textarea');

/** Goes from a task to where the next one begins; until it is there, the box is still that of the task. */
export async function leaveForNewTask(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'New task' }).click();
  await page.getByRole('heading', { name: 'What needs doing?' }).waitFor();
}

/** Sends a task from wherever the page is; answers the id of its thread. */
export async function startTask(page: Page, text: string): Promise<string> {
  await taskBox(page).fill(text);
  await taskBox(page).press('Enter');
  await page.waitForURL(/#\/t\//);
  return page.url().slice(page.url().lastIndexOf('/') + 1);
}

/** How the last answer ended: its words and figures. */
export const ending = (page: Page) => page.locator('.message').last().locator('.ending');

/** Lets files fall onto the page, as a person does with the mouse. */
export async function dropFile(page: Page, name: string, content: string): Promise<void> {
  const dataTransfer = await page.evaluateHandle(`(() => {
    const dropped = new DataTransfer();
    dropped.items.add(new File([${JSON.stringify(content)}], ${JSON.stringify(name)}));
    return dropped;
  })()`);
  await page.dispatchEvent('body', 'dragenter', { dataTransfer });
  await page.getByText('Drop files to attach them').waitFor();
  await page.dispatchEvent('body', 'drop', { dataTransfer });
}
