import { expect, test } from 'vitest';
import { contentDisposition } from './download-file.ts';

test.each([
  ['report.md', `attachment; filename="report.md"; filename*=UTF-8''report.md`],
  ['a "b" \\ c.txt', `attachment; filename="a _b_ _ c.txt"; filename*=UTF-8''a%20%22b%22%20%5C%20c.txt`],
  ["漢'(1)*.csv", `attachment; filename="_'(1)*.csv"; filename*=UTF-8''%E6%BC%A2%27%281%29%2A.csv`],
  ['line\r\nbreak', `attachment; filename="line__break"; filename*=UTF-8''line%0D%0Abreak`],
  ['broken\ud800', `attachment; filename="broken_"; filename*=UTF-8''broken%EF%BF%BD`],
])('%j is named without breaking the header', (name, header) => {
  expect(contentDisposition(name)).toBe(header);
});
