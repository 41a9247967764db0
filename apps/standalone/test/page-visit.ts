import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Stack } from './stack.ts';

/** A browser of its own that looks at the page of a stack, and what went wrong in it. */
export interface Visit {
  readonly page: Page;
  /** Errors of scripts and violations of the policy, from all tabs. */
  readonly faults: readonly string[];
  /** Every address that was asked for, from all tabs. */
  readonly requests: readonly URL[];
  /** Fails when anything went wrong, or when a request left for another place than the gateway and the sign-in service. */
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
    faults,
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
