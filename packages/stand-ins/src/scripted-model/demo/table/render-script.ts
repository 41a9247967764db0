import { readFileSync } from 'node:fs';
import type { Assumptions } from './assumptions.ts';

function part(name: string): string {
  const text = readFileSync(new URL(`script/${name}.mjs`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => !/^\/\/ (oxlint-|@ts-)/.test(line))
    .join('\n')
    .replaceAll(/^export /gm, '')
    .trim();
}

/** The script's parts are files of this folder: real JavaScript, read once like an import. */
const parts = {
  readers: { plain: part('read-plain'), quoted: part('read-quoted') },
  parseNumber: part('parse-number'),
  parseDate: part('parse-date'),
  check: part('check'),
  facts: part('facts'),
};

/** Writes the analysis script for one table: what is assumed, only the parts that it needs, in one file for Node. */
export function renderScript(assumptions: Assumptions): string {
  const types = new Set(assumptions.columns.map((column) => column.type));
  return [
    `// Analyses ${assumptions.file}. Written by Switchyard's scripted demo; run it with node.`,
    "import { readFileSync, writeFileSync } from 'node:fs';",
    '',
    '// What the first lines of the file suggest. Whatever contradicts it is reported, not guessed away.',
    renderAssumptions(assumptions),
    '',
    parts.readers[assumptions.reader],
    ...(types.has('number') ? ['', parts.parseNumber] : []),
    ...(types.has('date') ? ['', parts.parseDate] : []),
    '',
    parts.check,
    '',
    parts.facts,
    '',
  ].join('\n');
}

/** One line for each column, so that a repair touches few lines. */
function renderAssumptions({ columns, reader: _reader, ...rest }: Assumptions): string {
  const members = Object.entries(rest).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`);
  return [
    'const assumptions = {',
    ...members,
    '  columns: [',
    ...columns.map((column) => `    ${JSON.stringify(column)},`),
    '  ],',
    '};',
  ].join('\n');
}
