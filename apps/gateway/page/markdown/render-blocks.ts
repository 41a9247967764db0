import { element } from '../element.ts';
import { codeView } from './code-view.ts';
import type { Block, Cell } from './parse-blocks.ts';
import { type Inline, parseInline } from './parse-inline.ts';

/** The elements of a block: made one by one, every text a text node. */
export function renderBlock(block: Block): HTMLElement {
  switch (block.kind) {
    case 'heading':
      // The page's own headings stand above those of a message.
      return element(headingTag(block.level), { class: `level-${block.level}` }, renderInline(block.text));
    case 'paragraph':
      return element('p', {}, renderInline(block.text));
    case 'code':
      return codeView(block).element;
    case 'quote':
      return element('blockquote', {}, block.blocks.map(renderBlock));
    case 'list':
      return renderList(block);
    case 'table':
      return renderTable(block);
    case 'rule':
      return element('hr');
  }
}

function headingTag(level: number): 'h3' | 'h4' | 'h5' {
  if (level <= 1) return 'h3';
  return level === 2 ? 'h4' : 'h5';
}

function renderList({ isOrdered, start, items }: Extract<Block, { kind: 'list' }>): HTMLElement {
  const children = items.map(({ isDone, blocks }) => {
    // A single paragraph needs no box of its own.
    const [only] = blocks;
    const content =
      blocks.length === 1 && only?.kind === 'paragraph'
        ? renderInline(only.text)
        : blocks.map(renderItemBlock);
    if (isDone === null) return element('li', {}, content);
    const box = element('input', { type: 'checkbox', disabled: true, checked: isDone });
    return element('li', { class: 'task' }, box, content);
  });
  return isOrdered ? element('ol', { start }, children) : element('ul', {}, children);
}

function renderItemBlock(block: Block, index: number): Node {
  return index === 0 && block.kind === 'paragraph'
    ? element('span', {}, renderInline(block.text))
    : renderBlock(block);
}

function renderTable({ header, rows }: Extract<Block, { kind: 'table' }>): HTMLElement {
  const cell = (tag: 'th' | 'td', { text, align }: Cell) =>
    element(tag, { class: align === 'left' ? null : `align-${align}` }, renderInline(text));
  return element(
    'div',
    { class: 'table-frame', tabindex: 0, role: 'region', 'aria-label': 'Table' },
    element(
      'table',
      {},
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          header.map((one) => cell('th', one)),
        ),
      ),
      element(
        'tbody',
        {},
        rows.map((row) =>
          element(
            'tr',
            {},
            row.map((one) => cell('td', one)),
          ),
        ),
      ),
    ),
  );
}

function renderInline(text: string): Node[] {
  return parseInline(text).map(renderNode);
}

function renderNode(node: Inline): Node {
  switch (node.kind) {
    case 'text':
      return document.createTextNode(node.text);
    case 'code':
      return element('code', {}, node.text);
    case 'break':
      return element('br');
    case 'strong':
      return element('strong', {}, node.children.map(renderNode));
    case 'emphasis':
      return element('em', {}, node.children.map(renderNode));
    case 'strike':
      return element('s', {}, node.children.map(renderNode));
    case 'link':
      return element(
        'a',
        { href: node.url, title: node.url, target: '_blank', rel: 'noopener noreferrer nofollow' },
        node.children.map(renderNode),
      );
  }
}
