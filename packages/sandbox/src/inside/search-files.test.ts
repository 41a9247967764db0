import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { globFiles, lookAtStart, searchFiles } from './search-files.ts';

let root = '';
beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'switchyard-search-test-'));
  for (const name of ['a', 'b', 'c', 'd']) writeFileSync(path.join(root, name), 'word\n'.repeat(1000));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const request = () => ({
  root,
  start: root,
  skip: 0,
  maxShown: 1_000_000,
  timeoutMs: 60_000,
  maxEntries: 1000,
});
const search = {
  kind: 'search',
  pattern: 'word',
  isLiteral: false,
  isCaseIgnored: false,
  glob: null,
  shows: 'lines',
  context: 0,
  maxBytes: 1e9,
} as const;

describe('the limits of a search', () => {
  test('of entries: it tells how far it came, and what it found up to there', () => {
    const answer = searchFiles({ ...request(), ...search, maxEntries: 2 });
    expect(answer.stopped).toEqual({ because: 'entries', at: 'b' });
    expect(answer.files.map((file) => file.path)).toEqual(['a', 'b']);
    const globbed = globFiles({ ...request(), kind: 'glob', glob: '*', maxEntries: 3 });
    expect(globbed).toMatchObject({
      files: { length: 3 },
      hasMore: false,
      stopped: { because: 'entries', at: 'c' },
    });
  });

  test('of time: it tells how far it came', () => {
    const answer = searchFiles({ ...request(), ...search, timeoutMs: -1 });
    expect(answer).toMatchObject({ files: [], stopped: { because: 'time' } });
  });

  test('nothing is searched outside the root, or where nothing is', () => {
    expect(lookAtStart({ root, start: root })).toBe('fine');
    expect(lookAtStart({ root, start: path.join(root, 'none') })).toBe('not-found');
    expect(lookAtStart({ root: path.join(root, 'a'), start: root })).toBe('outside');
  });
});
