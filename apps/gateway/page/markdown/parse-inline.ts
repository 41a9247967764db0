import { safeLink } from './safe-link.ts';

/** A piece of a line of Markdown. */
export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'break' }
  | { readonly kind: 'strong' | 'emphasis' | 'strike'; readonly children: readonly Inline[] }
  | { readonly kind: 'link'; readonly url: string; readonly children: readonly Inline[] };

type Mark = '*' | '_' | '~' | '[' | '![';

/** What was opened and not closed yet; without an end it is the text that it began with. */
interface Frame {
  readonly mark: Mark;
  readonly length: number;
  readonly nodes: Inline[];
}

const destination =
  /\(\s{0,20}(?:<([^<>\n]{0,2000})>|([^\s()<>]{0,2000}(?:\([^\s()]{0,500}\)[^\s()<>]{0,500}){0,8}))(?:\s{1,20}(?:"[^"\n]{0,500}"|'[^'\n]{0,500}'))?\s{0,20}\)/y;
const angleLink = /<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/y;
const bareLink = /https?:\/\/[^\s<>"'`|]{1,2000}/y;
const escapable = /[!-/:-@[-`{-~]/;
/** Deeper nesting is no prose, and its tree would be too deep to render. */
const maxFrames = 40;

/**
 * Parses emphasis, code, links and breaks (the common part of CommonMark, and GFM's strike-through). One pass; each mark
 * is looked at once, so that no text takes more than linear time. Images become links: nothing is ever loaded.
 */
export function parseInline(text: string): readonly Inline[] {
  const root: Frame = { mark: '*', length: 0, nodes: [] };
  const frames: Frame[] = [root];
  /** Lengths of backtick runs that have no end: looked for once. */
  const endless = new Set<number>();
  let plain = '';
  let at = 0;

  const top = () => frames.at(-1) ?? root;
  const flush = () => {
    if (plain !== '') top().nodes.push({ kind: 'text', text: plain });
    plain = '';
  };
  const push = (node: Inline) => {
    flush();
    top().nodes.push(node);
  };
  /** Takes the frames above `depth` apart: what they opened had no end. */
  const collapseTo = (depth: number) => {
    flush();
    while (frames.length > depth) {
      const frame = frames.pop();
      if (!frame) return;
      appendTo(top().nodes, frame);
    }
  };
  const depthOf = (mark: Mark) => frames.findLastIndex((frame, index) => index > 0 && frame.mark === mark);

  function readCode(): void {
    const run = runLength(text, at);
    const fence = '`'.repeat(run);
    let end = endless.has(run) ? -1 : text.indexOf(fence, at + run);
    while (end !== -1 && runLength(text, end) !== run) end = text.indexOf(fence, end + runLength(text, end));
    if (end === -1) {
      endless.add(run);
      plain += fence;
      at += run;
      return;
    }
    const code = text.slice(at + run, end).replaceAll('\n', ' ');
    const isPadded = code.startsWith(' ') && code.endsWith(' ') && code.trim() !== '';
    push({ kind: 'code', text: isPadded ? code.slice(1, -1) : code });
    at = end + run;
  }

  function readMarks(mark: '*' | '_' | '~'): void {
    let run = runLength(text, at);
    const before = text[at - 1] ?? ' ';
    const after = text[at + run] ?? ' ';
    at += run;
    if (mark === '~' && run !== 2) {
      plain += '~'.repeat(run);
      return;
    }
    const { canOpen, canClose } = sidesOf(mark, before, after);
    if (canClose) run = closeMarks(mark, run);
    if (canOpen) run = openMarks(mark, run);
    plain += mark.repeat(run);
  }

  /** Closes what stands open under this mark; answers how many of the run are left. */
  function closeMarks(mark: '*' | '_' | '~', length: number): number {
    let run = length;
    while (run > 0) {
      const depth = depthOf(mark);
      const frame = depth > 0 ? frames[depth] : undefined;
      if (!frame || frame.length > run) break;
      collapseTo(depth + 1);
      frames.pop();
      top().nodes.push({ kind: kindOf(frame), children: frame.nodes });
      run -= frame.length;
    }
    return run;
  }

  function openMarks(mark: '*' | '_' | '~', length: number): number {
    let run = length;
    while (run > 0 && frames.length < maxFrames) {
      const taken = run >= 2 ? 2 : 1;
      flush();
      frames.push({ mark, length: taken, nodes: [] });
      run -= taken;
    }
    return run;
  }

  /** Brackets around something else than a link are text, and hide no link that comes after them. */
  function unopen(depth: number, frame: Frame): void {
    flush();
    appendTo((frames[depth - 1] ?? root).nodes, frame);
    frames.splice(depth, 1);
  }

  function closeBracket(): void {
    const depth = Math.max(depthOf('['), depthOf('!['));
    destination.lastIndex = at + 1;
    const match = depth > 0 && text[at + 1] === '(' ? destination.exec(text) : null;
    const frame = frames[depth];
    if (!match || !frame) {
      if (frame) unopen(depth, frame);
      plain += ']';
      at += 1;
      return;
    }
    collapseTo(depth + 1);
    frames.pop();
    const url = safeLink(match[1] ?? match[2] ?? '');
    const children =
      frame.nodes.length > 0 || url === null ? frame.nodes : [{ kind: 'text', text: url } as const];
    // A link that may not be followed stays as its text.
    if (url === null || frames.some(({ mark }) => mark === '['))
      for (const child of children) top().nodes.push(child);
    else top().nodes.push({ kind: 'link', url, children });
    at += 1 + match[0].length;
  }

  function readLink(pattern: RegExp): boolean {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) return false;
    const shown = pattern === bareLink ? withoutTrailingMarks(match[0]) : (match[1] ?? '');
    const url = safeLink(shown);
    if (url === null) {
      // As a whole: what is inside it would be looked at again and again.
      plain += match[0];
      at += match[0].length;
      return true;
    }
    push({ kind: 'link', url, children: [{ kind: 'text', text: shown }] });
    at += pattern === bareLink ? shown.length : match[0].length;
    return true;
  }

  // Every branch moves on by at least one character.
  while (at < text.length) {
    const character = text[at] ?? '';
    const next = text[at + 1] ?? '';
    if (character === '\\' && next === '\n') {
      push({ kind: 'break' });
      at += 2;
    } else if (character === '\\' && escapable.test(next)) {
      plain += next;
      at += 2;
    } else if (character === '`') readCode();
    else if (character === '*' || character === '_' || character === '~') readMarks(character);
    else if (character === '[' || (character === '!' && next === '[')) {
      const mark = character === '[' ? '[' : '![';
      at += mark.length;
      if (frames.length >= maxFrames) plain += mark;
      else {
        flush();
        frames.push({ mark, length: 1, nodes: [] });
      }
    } else if (character === ']') closeBracket();
    else if (character === '<' && readLink(angleLink)) continue;
    else if (character === 'h' && !/\w/.test(text[at - 1] ?? ' ') && readLink(bareLink)) continue;
    else if (character === '\n') {
      const isHard = plain.endsWith('  ');
      plain = plain.trimEnd();
      if (isHard) push({ kind: 'break' });
      else plain += '\n';
      at += 1;
    } else {
      plain += character;
      at += 1;
    }
  }
  collapseTo(1);
  return root.nodes;
}

/** What was opened and had no end, as the text that it began with and what followed. */
function appendTo(nodes: Inline[], frame: Frame): void {
  nodes.push({ kind: 'text', text: textOfMark(frame) });
  // Not spread: a call takes some 100,000 arguments.
  for (const node of frame.nodes) nodes.push(node);
}

function runLength(text: string, from: number): number {
  let end = from + 1;
  while (text[end] === text[from]) end += 1;
  return end - from;
}

/** CommonMark's flanking rules, in the words of what stands on both sides. */
function sidesOf(mark: Mark, before: string, after: string): { canOpen: boolean; canClose: boolean } {
  const [spaceBefore, spaceAfter] = [/\s/.test(before), /\s/.test(after)];
  const [signBefore, signAfter] = [isSign(before), isSign(after)];
  const isLeft = !spaceAfter && (!signAfter || spaceBefore || signBefore);
  const isRight = !spaceBefore && (!signBefore || spaceAfter || signAfter);
  if (mark !== '_') return { canOpen: isLeft, canClose: isRight };
  return { canOpen: isLeft && (!isRight || signBefore), canClose: isRight && (!isLeft || signAfter) };
}

function isSign(character: string): boolean {
  return /[\p{P}\p{S}]/u.test(character);
}

function kindOf({ mark, length }: Frame): 'strong' | 'emphasis' | 'strike' {
  if (mark === '~') return 'strike';
  return length === 2 ? 'strong' : 'emphasis';
}

function textOfMark({ mark, length }: Frame): string {
  return mark === '[' || mark === '![' ? mark : mark.repeat(length);
}

/** A sentence's own marks at the end of a bare address do not belong to it. */
function withoutTrailingMarks(url: string): string {
  const trimmed = withoutEnd(url, '.,:;!?*_~]');
  const isClosing = trimmed.endsWith(')') && !trimmed.includes('(');
  return isClosing ? withoutEnd(trimmed, ').,:;!?') : trimmed;
}

function withoutEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1] ?? '')) end -= 1;
  return text.slice(0, end);
}
