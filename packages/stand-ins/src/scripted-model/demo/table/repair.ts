import { z } from 'zod';
import type { Assumptions, ColumnAssumption } from './assumptions.ts';
import { dateFormatOf, formatOf, meansMissing } from './infer.ts';

const lineSchema = z.int().nonnegative();

/** What the script reports when the data is not what it took for granted. */
const problemSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('encoding'), line: lineSchema }),
  z.object({ kind: z.literal('byte-order-mark'), line: lineSchema }),
  z.object({ kind: z.literal('header'), line: lineSchema, found: z.array(z.string()) }),
  z.object({ kind: z.literal('quotes'), line: lineSchema, record: z.string() }),
  z.object({ kind: z.literal('open-quote'), line: lineSchema, record: z.string() }),
  z.object({
    kind: z.literal('field-count'),
    line: lineSchema,
    record: z.string(),
    expected: z.int(),
    found: z.int(),
    count: z.int(),
    of: z.int(),
  }),
  z.object({
    kind: z.literal('misfit'),
    column: z.int().nonnegative(),
    type: z.enum(['number', 'date', 'text']),
    count: z.int(),
    of: z.int(),
    examples: z.array(z.string()),
    fitting: z.array(z.string()),
  }),
]);
export type Problem = z.infer<typeof problemSchema>;

/** A change of the assumptions, and the sentence that says what in the data made it necessary. */
export interface Repair {
  readonly assumptions: Assumptions;
  readonly reasons: readonly string[];
}

/** The problems that a run of the script printed, in their order. */
export function readProblems(output: string): Problem[] {
  return [...output.matchAll(/^PROBLEM (\{.*\})\s*$/gm)].flatMap((match) => {
    const parsed = problemSchema.safeParse(parseLine(match[1] ?? ''));
    return parsed.success ? [parsed.data] : [];
  });
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Mends the assumptions by what the data showed. */
export function repairAssumptions(assumptions: Assumptions, problems: readonly Problem[]): Repair {
  return timely(problems).reduce<Repair>(
    (repair, problem) => {
      const { change, reason } = repairOne(repair.assumptions, problem);
      return { assumptions: { ...repair.assumptions, ...change }, reasons: [...repair.reasons, reason] };
    },
    { assumptions, reasons: [] },
  );
}

/**
 * The problems that can be judged now. As long as fields are cut wrongly, what they hold says nothing; and of the problems
 * with cutting the first one often makes the others.
 */
function timely(problems: readonly Problem[]): readonly Problem[] {
  const bytes = problems.filter(({ kind }) => kind === 'encoding' || kind === 'byte-order-mark');
  const cutting =
    problems.find(({ kind }) => kind === 'quotes' || kind === 'open-quote') ??
    problems.find(({ kind }) => kind === 'header' || kind === 'field-count');
  if (cutting) return [...bytes, cutting];
  return [...bytes, ...problems.filter(({ kind }) => kind === 'misfit')];
}

function repairOne(
  assumptions: Assumptions,
  problem: Problem,
): { change: Partial<Assumptions>; reason: string } {
  switch (problem.kind) {
    case 'encoding':
      return {
        change: { encoding: 'windows-1252' },
        reason: 'The file is not UTF-8: I read it as Windows-1252 (Latin-1).',
      };
    case 'byte-order-mark':
      return {
        change: { byteOrderMark: true },
        reason: 'The file begins with a byte order mark, which is no part of the first name.',
      };
    case 'header':
      return problem.found.length === assumptions.columns.length
        ? {
            change: {
              columns: assumptions.columns.map((column, index) => ({
                ...column,
                name: problem.found[index] ?? column.name,
              })),
            },
            reason: `The header really reads ${problem.found.map((name) => `"${name}"`).join(', ')}.`,
          }
        : {
            change: { reader: 'quoted' },
            reason: 'The header falls apart when it is split: I use a reader that knows quotes.',
          };
    case 'quotes':
      return {
        change: { reader: 'quoted' },
        reason: `Line ${problem.line} holds a quoted field (${excerpt(problem.record)}): splitting lines is not enough, I use a reader that knows quotes.`,
      };
    case 'open-quote':
      return {
        change: { reader: 'plain', literalQuotes: true, unevenRows: 'leave-out' },
        reason: `A quote that line ${problem.line} opens is never closed: quotes are plain characters here, and lines that do not part evenly are left out.`,
      };
    case 'field-count':
      return repairFieldCount(assumptions, problem);
    case 'misfit':
      return repairMisfit(assumptions, problem);
  }
}

function repairFieldCount(
  assumptions: Assumptions,
  problem: Extract<Problem, { kind: 'field-count' }>,
): { change: Partial<Assumptions>; reason: string } {
  const where = `Line ${problem.line} has ${problem.found} fields instead of ${problem.expected}`;
  if (assumptions.reader === 'plain' && problem.record.includes('"')) {
    return {
      change: { reader: 'quoted' },
      reason: `${where}, because a quoted field holds the delimiter (${excerpt(problem.record)}): I use a reader that knows quotes.`,
    };
  }
  return {
    change: { unevenRows: 'leave-out' },
    reason: `${where}, and so have ${problem.count - 1} other lines of ${problem.of}: they are left out and counted.`,
  };
}

/** Above this share of misfits a column is not what it seemed to be (a guess: one in five is no slip of the pen). */
const maxMisfitShare = 0.2;

function repairMisfit(
  assumptions: Assumptions,
  problem: Extract<Problem, { kind: 'misfit' }>,
): { change: Partial<Assumptions>; reason: string } {
  const column = assumptions.columns[problem.column];
  if (!column) return { change: {}, reason: 'The script speaks of a column that is not there.' };
  const found = `${problem.count} of ${problem.of} cells of "${column.name}" are no ${problem.type}s (${problem.examples
    .slice(0, 3)
    .map((example) => `"${example}"`)
    .join(', ')})`;
  const { mended, reason } = mendColumn(column, problem);
  return {
    change: {
      columns: assumptions.columns.map((other, index) => (index === problem.column ? mended : other)),
    },
    reason: `${found}: ${reason}.`,
  };
}

function mendColumn(
  column: ColumnAssumption,
  problem: Extract<Problem, { kind: 'misfit' }>,
): { mended: ColumnAssumption; reason: string } {
  const words = problem.examples.filter(meansMissing);
  const others = problem.examples.filter((example) => !meansMissing(example));
  const missing = [...new Set([...column.missing, ...words])];
  if (others.length === 0) {
    return { mended: { ...column, missing }, reason: 'they stand for missing values' };
  }
  const cells = [...others, ...problem.fitting];
  if (column.type === 'number') {
    const format = formatOf(cells);
    if (format) return { mended: { ...column, missing, format }, reason: 'the numbers are written that way' };
  }
  if (column.type === 'date') {
    const format = dateFormatOf(cells);
    if (format) return { mended: { ...column, missing, format }, reason: `the dates are written ${format}` };
  }
  if (problem.count <= problem.of * maxMisfitShare) {
    return {
      mended: { ...column, missing, ignoreMisfits: true },
      reason: 'they are too few to change the column, so they count as missing',
    };
  }
  return { mended: { name: column.name, type: 'text', missing: [] }, reason: 'the column is text' };
}

function excerpt(record: string): string {
  const line = record.split('\n')[0] ?? '';
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
