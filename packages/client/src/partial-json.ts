/**
 * The value of JSON text that may be cut anywhere, completed as little as possible: open strings, lists and objects are
 * closed, a half literal is finished, a member without a value is left out. Undefined when there is no value yet, when
 * the text is no JSON, or when it holds a key that could reach a prototype. Linear in the text.
 */
export function parsePartialJson(text: string): unknown {
  const whole = parseJson(text);
  if (whole) return whole.value;
  const closed = closeJson(text);
  return closed === null ? undefined : parseJson(closed)?.value;
}

function parseJson(text: string): { readonly value: unknown } | null {
  try {
    const value: unknown = JSON.parse(text);
    return reachesPrototype(text, value) ? null : { value };
  } catch {
    return null;
  }
}

/** True when copying the value member by member could change a prototype. */
function reachesPrototype(text: string, value: unknown): boolean {
  if (!/__proto__|constructor|\\u/.test(text)) return false;
  const waiting = [value];
  // Ends because a parsed value is a finite tree.
  for (let next = waiting.pop(); waiting.length > 0 || next !== undefined; next = waiting.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    if (Object.hasOwn(next, '__proto__')) return true;
    const maker: unknown = Object.hasOwn(next, 'constructor') ? next.constructor : null;
    if (typeof maker === 'object' && maker !== null && Object.hasOwn(maker, 'prototype')) return true;
    waiting.push(...Object.values(next));
  }
  return false;
}

/** Text whose value is what is there so far, or null when what stands there is no JSON. */
function closeJson(text: string): string | null {
  const closers: string[] = [];
  let expected: 'value' | 'key' | 'colon' | 'comma' = 'value';
  /** Whether the innermost list or object may end here. */
  let mayEnd = false;
  let at = 0;
  /** Up to here the text is whole but for the ends of what is open. */
  let cut = 0;
  const close = (end: number, suffix = '') => text.slice(0, end) + suffix + closers.toReversed().join('');

  // Ends at the end of the text: each round takes at least one character or returns.
  for (;;) {
    at = skipSpace(text, at);
    const char = text[at];
    if (char === undefined || (expected === 'comma' && closers.length === 0)) return close(cut);
    if (mayEnd && char === closers.at(-1)) {
      closers.pop();
      expected = 'comma';
      at += 1;
      cut = at;
      continue;
    }
    switch (expected) {
      case 'comma':
        if (char !== ',') return null;
        expected = closers.at(-1) === '}' ? 'key' : 'value';
        mayEnd = false;
        at += 1;
        break;
      case 'colon':
        if (char !== ':') return null;
        expected = 'value';
        at += 1;
        break;
      case 'key': {
        if (char !== '"') return null;
        const { end, isCut } = scanString(text, at);
        if (isCut) return close(cut);
        expected = 'colon';
        mayEnd = false;
        at = end;
        break;
      }
      case 'value': {
        if (char === '{' || char === '[') {
          closers.push(char === '{' ? '}' : ']');
          expected = char === '{' ? 'key' : 'value';
          at += 1;
          cut = at;
        } else {
          const scalar = scanScalar(text, at, closers.at(-1) === '}');
          if (!scalar) return null;
          if (scalar.isCut) return scalar.end === at ? close(cut) : close(scalar.end, scalar.missing);
          expected = 'comma';
          at = scalar.next;
          cut = scalar.end;
        }
        mayEnd = true;
      }
    }
  }
}

/** A string, literal or number: up to where it has a value, what it lacks there, and where its characters end. */
interface Scalar {
  readonly end: number;
  readonly next: number;
  readonly isCut: boolean;
  readonly missing: string;
}

function scanScalar(text: string, from: number, isInObject: boolean): Scalar | null {
  if (text[from] === '"') return scanString(text, from);
  for (const literal of ['true', 'false', 'null']) {
    const there = text.slice(from, from + literal.length);
    const missing = literal.slice(there.length);
    const end = from + there.length;
    if (literal.startsWith(there)) return { end, next: end, isCut: missing !== '', missing };
  }
  return scanNumber(text, from, isInObject);
}

function scanString(text: string, from: number): Scalar {
  let at = from + 1;
  while (at < text.length) {
    const char = text[at];
    if (char === '"') return { end: at + 1, next: at + 1, isCut: false, missing: '' };
    const length = char !== '\\' ? 1 : text[at + 1] === 'u' ? 6 : 2;
    if (at + length > text.length) break;
    at += length;
  }
  return { end: at, next: at, isCut: true, missing: '"' };
}

/**
 * A number at the end of the text may end in what has no value yet (`-`, `1.`, `1e`). The SDK's reader takes no `+` for
 * a part of a number in an object: `{"a":1e+5` is 1, until more of the object has a value.
 */
function scanNumber(text: string, from: number, isInObject: boolean): Scalar | null {
  const next = matchAt(/[-\d.eE+]+/y, text, from);
  const valid = matchAt(/-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/y, text, from);
  if (next === from || (valid < next && next < text.length)) return null;
  const end = isInObject ? matchAt(/-?\d+(?:\.\d+)?(?:[eE]-?\d+)?/y, text, from) : valid;
  return { end, next, isCut: valid < next, missing: '' };
}

function matchAt(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : from;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\n\r'.includes(text.charAt(at))) at += 1;
  return at;
}
