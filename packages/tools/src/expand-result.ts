import { defineTool } from '@switchyard/agent';
import { z } from 'zod';

/** Characters of one page: about 3,000 tokens, a tenth of a small window. */
const pageLength = 12_000;

const inputSchema = z.strictObject({
  callId: z
    .string()
    .min(1)
    .max(200)
    .describe('The id of the call, as the note in the place of its result names it.'),
  page: z.int().min(1).default(1).describe('Which page of it, from 1.'),
});

/** Gives back a result that was left out of the conversation to save room. */
export const expandResultTool = defineTool({
  name: 'expand_result',
  description: `Gives back the result of an earlier call of this conversation that was left out to save room, in pages of ${pageLength} characters. Use it only when you need what it said; look at a file itself when it may have changed since.`,
  inputSchema,
  effect: 'read',
  needs: 'nothing',
  async execute({ callId, page }, context) {
    const result = context.readResult(callId);
    if (result === null)
      return {
        outcome: 'error',
        message: `There is no call with the id "${callId}" that has a result here.`,
      };
    const pages = pagesOf(result.text);
    const shown = pages[page - 1];
    if (!shown)
      return { outcome: 'error', message: `The result has ${pages.length} pages; there is no page ${page}.` };
    const more = page < pages.length ? ` Ask for page ${page + 1} to go on.` : '';
    const head = `Result of ${result.toolName} (call ${callId}), page ${page} of ${pages.length}: characters ${shown.begin + 1}-${shown.end} of ${result.text.length}.${more}`;
    return { outcome: 'ok', output: `${head}\n\n${result.text.slice(shown.begin, shown.end)}` };
  },
});

/** Where each page begins and ends; no character is cut in two. */
function pagesOf(text: string): { readonly begin: number; readonly end: number }[] {
  const pages = [];
  let begin = 0;
  do {
    let end = Math.min(begin + pageLength, text.length);
    const unit = text.charCodeAt(end - 1);
    if (end < text.length && unit >= 0xd800 && unit <= 0xdbff) end -= 1;
    pages.push({ begin, end });
    begin = end;
  } while (begin < text.length);
  return pages;
}
