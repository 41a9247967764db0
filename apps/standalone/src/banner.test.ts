import { expect, test } from 'vitest';
import { curlLine } from './banner.ts';

test('the curl line is one line of plain shell', () => {
  const line = curlLine({ gatewayUrl: 'http://127.0.0.1:8787', apiKey: 'sy_abc' });
  expect(line).not.toContain('\n');
  expect(line.match(/'/g)).toHaveLength(6);
  expect(line).toContain('http://127.0.0.1:8787/v1/runs');
  expect(line).toContain("'Authorization: Bearer sy_abc'");
});
