import { z } from 'zod';

const columnBase = { fact: z.literal('column'), name: z.string(), filled: z.int(), missing: z.int() };
const numberOrNull = z.number().nullable();

const headSchema = z.object({
  fact: z.enum(['groups', 'periods']),
  by: z.string(),
  distinct: z.int(),
  measures: z.array(z.string()),
});
const memberSchema = z.object({
  fact: z.literal('member'),
  by: z.string(),
  value: z.string(),
  count: z.int(),
  means: z.array(numberOrNull),
});

/** The rows of a table by the values of one column, with the means of its measures. */
export interface Grouping {
  readonly by: string;
  readonly distinct: number;
  readonly measures: readonly string[];
  readonly rows: readonly z.infer<typeof memberSchema>[];
}

const tableSchema = z.object({
  fact: z.literal('table'),
  rows: z.int(),
  columns: z.int(),
  bytes: z.int(),
  missing: z.int(),
  duplicates: z.int(),
  uneven: z.int(),
});

const columnSchema = z.discriminatedUnion('type', [
  z.object({ ...columnBase, type: z.literal('empty') }),
  z.object({
    ...columnBase,
    type: z.literal('number'),
    min: z.number(),
    max: z.number(),
    sum: z.number(),
    mean: z.number(),
    median: z.number(),
    deviation: z.number(),
    isIdentifier: z.boolean(),
  }),
  z.object({
    ...columnBase,
    type: z.literal('text'),
    distinct: z.int(),
    top: z.array(z.tuple([z.string(), z.int()])),
  }),
  z.object({
    ...columnBase,
    type: z.literal('date'),
    first: z.string(),
    last: z.string(),
    distinct: z.int(),
  }),
]);
export type ColumnFact = z.infer<typeof columnSchema>;

const correlationSchema = z.object({
  fact: z.literal('correlation'),
  a: z.string(),
  b: z.string(),
  r: z.number(),
  count: z.int(),
});

/** What a run of the analysis script found, line by line. */
export interface Facts {
  readonly table: z.infer<typeof tableSchema>;
  readonly columns: readonly ColumnFact[];
  readonly groups: readonly Grouping[];
  readonly periods: readonly Grouping[];
  readonly correlations: readonly z.infer<typeof correlationSchema>[];
}

/** Reads the figures that the script wrote, one JSON value a line; null when the table's own line is not among them. */
export function readFacts(texts: readonly string[]): Facts | null {
  const lines = texts.map(parseLine);
  const pick = <Fact>(schema: z.ZodType<Fact>): Fact[] =>
    lines.flatMap((line) => {
      const parsed = schema.safeParse(line);
      return parsed.success ? [parsed.data] : [];
    });
  const [table] = pick(tableSchema);
  if (!table) return null;
  const members = pick(memberSchema);
  const groupings = pick(headSchema).map((head) => ({
    ...head,
    rows: members.filter(({ by }) => by === head.by),
  }));
  return {
    table,
    columns: pick(columnSchema),
    groups: groupings.filter(({ fact }) => fact === 'groups'),
    periods: groupings.filter(({ fact }) => fact === 'periods'),
    correlations: pick(correlationSchema),
  };
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
