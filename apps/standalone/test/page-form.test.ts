import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from './browser.ts';
import { ending, signIn, startTask, taskBox, type Visit, visitPage } from './page-visit.ts';
import { type Stack, startStack } from './stack.ts';

/** An address that nobody may be sent to by what a model wrote. */
const trap = 'https://trap.example';
const hostile = `# <img src="${trap}/a.png" onerror="document.title='taken'">

<script>document.title = 'taken'; fetch('${trap}/b')</script>
<iframe src="${trap}/c"></iframe><svg onload="document.title='taken'"></svg>

![a picture](${trap}/d.png) [click](javascript:document.title='taken') [tab](java\tscript:alert(1))
[data](data:text/html,<script>parent.document.title='taken'</script>) <javascript:alert(1)>
[deceiving](https://switchyard@trap.example/) [good](https://good.example/path)

<a href="javascript:document.title='taken'">html</a> \`<b onmouseover=alert(1)>\`

| <img src=x onerror=alert(1)> | ![x](${trap}/e.png) |
|---|---|
| <style>@import '${trap}/f.css'</style> | <link rel=stylesheet href=${trap}/g.css> |

\`\`\`html
<script>document.title = 'taken'</script>
\`\`\`
`;

let stack: Stack;
let browser: Browser;
let visit: Visit;
beforeAll(async () => {
  [stack, browser] = await Promise.all([startStack(), openBrowser()]);
  const call = (name: string, given: Record<string, unknown>) => ({ toolCall: { name, arguments: given } });
  const wide = 'an-unbroken-word-'.repeat(40);
  await stack.setScenario('wide', {
    turns: [
      {
        steps: [
          {
            text: `${wide}\n\n| a | b | c | d |\n|---|---|---|---|\n| ${wide} | ${wide} | 3 | 4 |\n\n\`\`\`\n${wide}\n\`\`\`\n`,
          },
          call('todo', { todos: [{ text: wide.slice(0, 400), status: 'in-progress' }] }),
          call('shell', { command: `echo ${wide}; echo ${wide}` }),
          call('write_file', { path: `${wide.slice(0, 100)}.txt`, content: wide }),
        ],
      },
      { steps: [{ text: 'Looking on.' }, { stall: true }] },
    ],
  });
  await stack.setScenario('hostile', {
    turns: [
      {
        steps: [
          { reasoning: hostile },
          // In pieces, so that every unfinished state is drawn too.
          { text: hostile.match(/[^]{1,7}/g) ?? [] },
          call('todo', { todos: [{ text: hostile.slice(0, 400), status: 'open' }] }),
          call('write_file', { path: 'bad.md', content: hostile }),
          call('write_file', {
            path: 'bad.svg',
            content: `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="parent.document.title='taken'"><script>parent.document.title='taken'</script><image href="${trap}/h.png"/></svg>`,
          }),
          call('write_file', { path: 'bad.html', content: hostile }),
          call('shell', {
            command: `printf '%s\\n' "<img src=${trap}/i.png onerror=alert(1)>" "\\033]8;;javascript:alert(1)\\007link"`,
          }),
          call(`<img src=${trap}/j.png>`, { path: `<img src=${trap}/k.png>` }),
        ],
      },
      {
        steps: [
          call('ask', { question: hostile, choices: [`<img src=${trap}/l.png onerror=alert(1)>`, 'No'] }),
        ],
      },
    ],
  });
  await stack.setScenario('asks', {
    turns: [{ steps: [call('ask', { question: 'Which one?', choices: ['This one', 'That one'] })] }],
  });
  await stack.setScenario('endless', { turns: [{ steps: [{ text: 'I begin.' }, { stall: true }] }] });
  await stack.setScenario('quick', { turns: [{ steps: [{ text: 'Quick answer.' }] }] });
}, 120_000);
afterAll(async () => {
  await browser.close();
  await stack.stop();
}, 30_000);
afterEach(async () => {
  visit.expectNoFault();
  await visit.close();
});

describe('what a model writes', () => {
  it('is drawn as text: no script, no foreign address, no markup of its own', async () => {
    visit = await visitPage(browser, stack);
    const { page } = visit;
    await signIn(visit, stack);
    await startTask(page, `<img src=${trap}/m.png onerror=alert(1)> [[scenario:hostile]]`);
    await ending(page).getByText('Waiting for your answer').waitFor();
    // All that is folded away is drawn too.
    await page.evaluate(`for (const folded of document.querySelectorAll('details')) folded.open = true`);
    await page.locator('.reasoning').getByText('click').waitFor();
    const inert = async (place: string) => {
      const elements = `[...document.querySelectorAll('${place} *')]`;
      const drawn = await page.evaluate<{ tags: string[]; handlers: string[]; links: string[] }>(`({
        tags: [...new Set(${elements}.map(({ localName }) => localName))],
        handlers: ${elements}.flatMap((element) => element.getAttributeNames()).filter((name) => name.startsWith('on') || name === 'style'),
        links: ${elements}.filter(({ localName }) => localName === 'a').map(({ outerHTML }) => outerHTML),
      })`);
      for (const tag of ['img', 'script', 'iframe', 'link', 'style', 'object', 'b']) {
        expect(drawn.tags, place).not.toContain(tag);
      }
      expect(drawn.handlers, place).toEqual([]);
      // Addresses that stand in the text can be followed by a click, in a tab that knows nothing of this one.
      expect(drawn.links.length, place).toBeGreaterThan(0);
      for (const link of drawn.links) {
        expect(link, place).toMatch(/^<a href="https:\/\/(?:good|trap)\.example\/[^"]*"/);
        expect(link, place).toContain('target="_blank" rel="noopener noreferrer nofollow"');
      }
    };
    await inert('.conversation');
    await page.locator('.said').getByRole('link', { name: 'good' }).waitFor();
    for (const name of ['click', 'data', 'deceiving', 'html']) {
      expect(await page.locator('.said').getByRole('link', { name, exact: true }).count(), name).toBe(0);
    }

    await page.getByRole('button', { name: 'Files', exact: true }).click();
    const files = page.getByRole('complementary', { name: 'Files' });
    await files.getByRole('button', { name: /bad\.md/ }).click();
    await files.getByText('click').waitFor();
    await inert('.preview-content');
    for (const name of ['bad.svg', 'bad.html']) {
      await files.getByRole('button', { name: 'Back to the files' }).click();
      await files.getByRole('button', { name: new RegExp(name.replace('.', String.raw`\.`)) }).click();
      await files.locator('.preview-content pre').filter({ hasText: trap }).waitFor();
      expect(await files.locator('.preview-content *').count(), name).toBe(1);
    }
    expect(await page.title()).not.toContain('taken');
    expect(page.frames()).toHaveLength(1);
    await page.locator('.choices').getByText('<img src=').waitFor();
  });
});

/** What has the focus, and whether somebody who looks can tell. */
async function focused(page: Page): Promise<{ readonly name: string; readonly isVisible: boolean }> {
  return await page.evaluate(`(() => {
    const element = document.activeElement;
    const marked = [element, element.closest('.task-box')].filter(Boolean).map((one) => getComputedStyle(one));
    return {
      name: element.getAttribute('aria-label') ?? element.textContent.trim(),
      isVisible: marked.some(({ outlineStyle, outlineWidth }) => outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) ||
        (element.localName === 'textarea' && marked.at(-1).borderColor !== 'rgba(0, 0, 0, 0)'),
    };
  })()`);
}

async function tabThrough(page: Page, until: string): Promise<string[]> {
  const names: string[] = [];
  // Ends at the element that is looked for; a page has far fewer than a hundred.
  while (names.at(-1) !== until && names.length < 100) {
    await page.keyboard.press('Tab');
    const { name, isVisible } = await focused(page);
    expect(isVisible, name).toBe(true);
    names.push(name);
  }
  return names;
}

describe('the keyboard alone', () => {
  it('signs in, starts, stops, finds and leads back, and the focus is always seen', async () => {
    visit = await visitPage(browser, stack);
    const { page } = visit;
    await page.getByLabel('Email').waitFor();
    expect((await focused(page)).isVisible).toBe(true);
    await page.keyboard.type(stack.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(stack.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'What needs doing?' }).waitFor();

    expect((await focused(page)).name).toBe('Describe a task');
    await page.keyboard.type('First line');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('[[scenario:endless]]');
    await page.keyboard.press('Enter');
    await page.getByText('I begin.').waitFor();
    expect(await page.locator('.is-user').innerText()).toBe('First line\n[[scenario:endless]]');
    await page.keyboard.press('Control+.');
    await ending(page).getByText('Stopped').waitFor();

    await page.getByRole('link', { name: 'Skip to the task' }).focus();
    const names = await tabThrough(page, 'Describe a task');
    expect(names.slice(0, 2)).toEqual(['New task', 'Search tasks']);
    expect(names).toEqual(expect.arrayContaining(['Sign out', 'More', 'Files', 'Conversation']));
    // Out of the box its keys are the page's.
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
    await page.keyboard.press('f');
    await page.getByRole('complementary', { name: 'Files' }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('complementary', { name: 'Files' }).count()).toBe(0);
    await page.getByLabel('More').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Rename' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Rename' }).waitFor({ state: 'hidden' });
    expect((await focused(page)).name).toBe('More');
    await page.keyboard.press('n');
    await page.getByRole('heading', { name: 'What needs doing?' }).waitFor();
    await page.keyboard.type('[[scenario:asks]]');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'That one' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('.is-user').getByText('That one').waitFor();
  });
});

/** Elements that stick out to the right, or a page that scrolls sideways. */
async function overflowing(page: Page): Promise<string[]> {
  return await page.evaluate(`[...document.querySelectorAll('body, .scroller, .dock, .sidebar, .files, main, article, .preview')]
    .filter((element) => element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1)
    .map((element) => element.className + ' ' + element.scrollWidth + ' > ' + element.clientWidth)
    .concat(document.documentElement.scrollWidth > innerWidth ? ['the page'] : [])`);
}

describe('the look', () => {
  it('fits a phone without sideways scrolling, whatever is written', async () => {
    visit = await visitPage(browser, stack, {
      viewport: { width: 375, height: 700 },
      hasTouch: true,
      isMobile: true,
    });
    const { page } = visit;
    await page.getByLabel('Email').waitFor();
    expect(await overflowing(page)).toEqual([]);
    await signIn(visit, stack);
    expect(await overflowing(page)).toEqual([]);
    await taskBox(page).fill(`${'long-word-'.repeat(30)} [[scenario:wide]]`);
    await page.getByRole('button', { name: 'Start' }).tap();
    await page.getByText('Looking on.').waitFor();
    await page.locator('.plan summary').tap();
    expect(await overflowing(page)).toEqual([]);
    expect(await page.getByRole('button', { name: 'Stop' }).isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Show tasks' }).tap();
    await page.getByRole('link', { name: 'New task' }).waitFor();
    expect(await overflowing(page)).toEqual([]);
    await page.locator('.scrim').tap({ position: { x: 360, y: 300 } });
    await page.getByRole('button', { name: 'Files', exact: true }).tap();
    await page.getByRole('button', { name: /an-unbroken-word/ }).tap();
    await page.locator('.file-text').waitFor();
    expect(await overflowing(page)).toEqual([]);
  });

  it.each(['light', 'dark'] as const)('can be read in %s', async (colorScheme) => {
    visit = await visitPage(browser, stack, { colorScheme });
    const { page } = visit;
    await page.getByLabel('Email').waitFor();
    expect(await faintTexts(page)).toEqual([]);
    await signIn(visit, stack);
    await startTask(page, '[[scenario:quick]]');
    await ending(page).getByText('Finished').waitFor();
    expect(await faintTexts(page)).toEqual([]);
    const ground = await page.evaluate<number>(
      `${luminance}(getComputedStyle(document.body).backgroundColor)`,
    );
    expect(ground < 0.1 ? 'dark' : ground > 0.8 ? 'light' : ground).toBe(colorScheme);
  });
});

/** Relative luminance of a CSS colour (WCAG 2.2). */
const luminance = `((colour) => {
  const [red, green, blue] = colour.match(/[\\d.]+/g).slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
})`;

/** Texts on the screen whose contrast to what is behind them is below 4.5 (WCAG 2.2, AA). */
async function faintTexts(page: Page): Promise<string[]> {
  return await page.evaluate(`(() => {
    const luminance = ${luminance};
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const colour = getComputedStyle(at).backgroundColor;
        if (!/, 0\\)$|transparent/.test(colour)) return colour;
      }
      return 'rgb(255, 255, 255)';
    };
    const texts = [...document.querySelectorAll('body *')].filter((element) =>
      element.checkVisibility() && !element.disabled &&
      [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''));
    return texts.flatMap((element) => {
      const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      return contrast < 4.5 ? [element.className + ' "' + element.textContent + '" ' + contrast.toFixed(2)] : [];
    });
  })()`);
}
