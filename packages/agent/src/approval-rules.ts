import type { Subject, Tool } from './tool.ts';

/** What an operator wants of calls: that a person is asked first, that nobody is, or that they are never made. */
export type RuleAction = 'ask' | 'allow' | 'deny';

/** One rule about calls; the first that fits decides. */
export interface ApprovalRule {
  /** Name of a tool; `*` stands for any characters. */
  readonly tool: string;
  /** Of what the call is about (`Tool.subjectsOf`), whole; `*` stands for any characters. Null fits every call. */
  readonly pattern: string | null;
  readonly action: RuleAction;
}

/**
 * Reads rules like `shell(git push*)=ask, shell(rm *)=deny, write_file(secrets/*)=deny, delete=allow`.
 * @throws Error whose message quotes the rule that is wrong
 */
export function parseApprovalRules(text: string): ApprovalRule[] {
  const rules: ApprovalRule[] = [];
  // A pattern may hold commas and equal signs; it ends with the bracket that an action follows.
  const rule = /\s*([a-z_*]+)(?:\((.*?)\))?\s*=\s*([a-z]+)\s*(?:,|$)/sy;
  while (text.slice(rule.lastIndex).trim() !== '') {
    const at = rule.lastIndex;
    const [, tool, pattern, action] = rule.exec(text) ?? [];
    if (tool === undefined || !isAction(action))
      throw new Error(`"${text.slice(at, at + 60).trim()}" is no tool=action or tool(pattern)=action`);
    rules.push({ tool, pattern: pattern?.trim() ?? null, action });
  }
  return rules;
}

function isAction(word: string | undefined): word is RuleAction {
  return word === 'ask' || word === 'allow' || word === 'deny';
}

/** The rule as it was written. */
export function ruleText({ tool, pattern, action }: ApprovalRule): string {
  return `${tool}${pattern === null ? '' : `(${pattern})`}=${action}`;
}

/**
 * The first rule that fits a call, or null. A rule that asks or denies fits when it fits any of the call's subjects, one
 * that allows only when it fits all of them. Pure.
 */
export function findRule<Input>(
  rules: readonly ApprovalRule[],
  tool: Pick<Tool<Input>, 'name' | 'subjectsOf'>,
  input: Input,
): ApprovalRule | null {
  if (rules.length === 0) return null;
  const subjects = tool.subjectsOf?.(input) ?? [JSON.stringify(input)];
  const fits = (rule: ApprovalRule): boolean => {
    if (!isLike(tool.name, rule.tool)) return false;
    if (rule.pattern === null) return true;
    const fitting = subjects.filter((subject) => fitsSubject(rule, subject));
    return rule.action === 'allow'
      ? subjects.length > 0 && fitting.length === subjects.length
      : fitting.length > 0;
  };
  return rules.find(fits) ?? null;
}

/** Those of a call's subjects that a rule is about, as texts. Pure. */
export function subjectsUnder<Input>(
  rule: ApprovalRule,
  tool: Pick<Tool<Input>, 'subjectsOf'>,
  input: Input,
): string[] {
  const subjects = tool.subjectsOf?.(input) ?? [];
  return subjects
    .filter((subject) => fitsSubject(rule, subject))
    .map((subject) => (typeof subject === 'string' ? subject : subject.text));
}

/** Whether a rule is about this subject: too many for one that asks or denies, too few for one that allows. */
function fitsSubject({ pattern, action }: ApprovalRule, subject: string | Subject): boolean {
  if (pattern === null) return true;
  const {
    text,
    otherTexts = [],
    within,
  }: Subject = typeof subject === 'string' ? { text: subject } : subject;
  if (action === 'allow')
    return isLike(text, pattern) && (within === undefined || coversAll(pattern, within));
  if ([text, ...otherTexts].some((one) => isLike(one, pattern))) return true;
  return within !== undefined && mayFitBelow(pattern, within);
}

/** Whether every text that begins so is like the pattern. */
function coversAll(pattern: string, beginning: string): boolean {
  return pattern.endsWith('*') && isLike(beginning, pattern);
}

/** Whether any text that begins so is like the pattern: what follows its first star may follow the beginning. */
function mayFitBelow(pattern: string, beginning: string): boolean {
  const star = pattern.indexOf('*');
  const head = star === -1 ? pattern : pattern.slice(0, star);
  return head.startsWith(beginning) || (star !== -1 && beginning.startsWith(head));
}

/** Whether a text is like a pattern, in time that grows with their lengths' product at most. */
function isLike(text: string, pattern: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return text === head;
  if (!text.startsWith(head)) return false;
  const tail = rest.pop() ?? '';
  let at = head.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return text.length - tail.length >= at && text.endsWith(tail);
}
