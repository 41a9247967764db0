import { element } from '../element.ts';
import { type CodeView, codeView } from './code-view.ts';
import { parseBlocks } from './parse-blocks.ts';
import { renderBlock } from './render-blocks.ts';

/** Markdown that may still grow. */
export interface MarkdownView {
  readonly element: HTMLElement;
  /** Shows a text. One that goes on where the last one ended costs what its last block costs, not the whole. */
  update(text: string): void;
}

/**
 * Shows Markdown as it arrives. Blocks that are followed by a whole line of another block are final: their elements stay
 * (selections in them too), and parsing goes on behind them.
 */
export function createMarkdownView(): MarkdownView {
  const root = element('div', { class: 'markdown' });
  let shown = '';
  /** Where the blocks that can still change begin. */
  let finalEnd = 0;
  let growing: HTMLElement[] = [];
  /** The last element when it is a block of code: long ones grow by their ends. */
  let code: CodeView | null = null;

  function reset(): void {
    root.replaceChildren();
    finalEnd = 0;
    growing = [];
    code = null;
  }

  return {
    element: root,
    update(text) {
      if (text === shown) return;
      if (!text.startsWith(shown)) reset();
      shown = text;
      const rest = text.slice(finalEnd);
      const lastLine = rest.lastIndexOf('\n') + 1;
      const placed = parseBlocks(rest);
      const [first] = placed;
      if (placed.length === 1 && first?.block.kind === 'code' && code) {
        code.update(first.block.text);
        return;
      }

      for (const old of growing) old.remove();
      growing = [];
      code = null;
      placed.forEach(({ block, start }, index) => {
        const next = placed[index + 1];
        const view = block.kind === 'code' && !next ? codeView(block) : null;
        const made = view?.element ?? renderBlock(block);
        root.append(made);
        if (next && next.start < lastLine) return;
        growing.push(made);
        // Its first line, which names the language, must be whole.
        code = growing.length === 1 && start < lastLine ? view : null;
      });
      const firstGrowing = placed.at(placed.length - growing.length);
      if (firstGrowing) finalEnd += firstGrowing.start;
    },
  };
}
