import { expect, it } from 'vitest';
import { parseCsv } from './parse-csv.ts';

it.each([
  ['a,b\n1,2\n', [['1', '2']]],
  ['a;b\r\n1;2\r\n', [['1', '2']]],
  ['a\tb\n1\t2', [['1', '2']]],
  ['a,b\n"x, ""y""\nz",2\n', [['x, "y"\nz', '2']]],
])('reads %j', (text, rows) => {
  expect(parseCsv(text, { maxRows: 10 })).toMatchObject({ header: ['a', 'b'], rows, hasMore: false });
});

it('stops at the bound and says that there is more', () => {
  const found = parseCsv('n\n1\n2\n3\n', { maxRows: 2 });
  expect(found).toMatchObject({ rows: [['1'], ['2']], hasMore: true });
});
