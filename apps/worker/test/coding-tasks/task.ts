/** A small project whose test fails, and what makes it pass. Paths are relative to the project's folder. */
export interface CodingTask {
  /** What is special about it, as a folder's name. */
  readonly name: string;
  readonly language: string;
  /** Programs that the sandbox must have. */
  readonly needs: readonly string[];
  /** Shell text, run in the folder: fails before, passes after, and leaves nothing behind. */
  readonly test: string;
  readonly files: Readonly<Record<string, string>>;
  /** Those of the files that are programs. */
  readonly executables?: readonly string[];
  readonly gold: Readonly<Record<string, GoldChange>>;
}

/** Texts are as a model writes them: with LF, and without the byte order mark that no tool shows it. */
export interface Edit {
  readonly oldText: string;
  readonly newText: string;
  /** How often the old text is there; all of them change. */
  readonly count: number;
}

export type GoldChange =
  | { readonly kind: 'edit'; readonly edits: readonly Edit[]; readonly movesTo: string | null }
  | { readonly kind: 'add'; readonly content: string }
  | { readonly kind: 'delete' };

type Replacement = readonly [oldText: string, newText: string, count?: number];
const editsOf = (replacements: readonly Replacement[]): Edit[] =>
  replacements.map(([oldText, newText, count = 1]) => ({ oldText, newText, count }));

export const edited = (...replacements: readonly Replacement[]): GoldChange => ({
  kind: 'edit',
  edits: editsOf(replacements),
  movesTo: null,
});
export const moved = (movesTo: string, ...replacements: readonly Replacement[]): GoldChange => ({
  kind: 'edit',
  edits: editsOf(replacements),
  movesTo,
});
export const added = (content: string): GoldChange => ({ kind: 'add', content });
export const deleted: GoldChange = { kind: 'delete' };

/** A file's text: raw, without the indentation that all its lines have; `→` stands for a tab. */
export function source(strings: TemplateStringsArray): string {
  const lines = (strings.raw[0] ?? '').replace(/^\n/, '').replace(/\n *$/, '\n').split('\n');
  const indents = lines.filter((line) => line.trim() !== '').map((line) => line.search(/[^ ]/));
  const indent = Math.min(...indents);
  return lines.map((line) => line.slice(indent).replaceAll('→', '\t')).join('\n');
}

/** The same for a piece of a line, or of lines whose last one goes on. */
export const piece = (strings: TemplateStringsArray): string => source(strings).replace(/\n$/, '');

export const byteOrderMark = '\uFEFF';
export const withCrlf = (text: string): string => text.replaceAll('\n', '\r\n');

const isCrlf = (text: string): boolean => text.includes('\r\n') && !/[^\r]\n/.test(text);

/** A file after its edits, by no tool's rules; throws when an edit is not in it as often as it says. */
export function contentAfter(content: string, edits: readonly Edit[]): string {
  return edits.reduce((text, { oldText, newText, count }) => {
    const [from, to] = isCrlf(text) ? [withCrlf(oldText), withCrlf(newText)] : [oldText, newText];
    const parts = text.split(from);
    if (parts.length !== count + 1)
      throw new Error(`${JSON.stringify(oldText)} is there ${parts.length - 1} times, not ${count}.`);
    return parts.join(to);
  }, content);
}

/** All files as they shall be in the end. */
export function filesAfter({ files, gold }: CodingTask): Map<string, string> {
  const after = new Map(Object.entries(files));
  for (const [path, change] of Object.entries(gold)) {
    const before = files[path];
    if ((before === undefined) !== (change.kind === 'add')) throw new Error(`${path}: ${change.kind}`);
    after.delete(path);
    if (change.kind === 'add') after.set(path, change.content);
    if (change.kind === 'edit' && before !== undefined)
      after.set(change.movesTo ?? path, contentAfter(before, change.edits));
  }
  return after;
}
