import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPreviewTokens } from './preview-token.ts';

const now = 1_800_000_000_000;
const tokens = createPreviewTokens('a key', () => now);
const grants = fc.record({
  sandboxId: fc.uuid(),
  port: fc.integer({ min: 1, max: 65_535 }),
  expiresAt: fc.integer({ min: now / 1000 + 1, max: 2 ** 32 - 1 }),
});

test('a label is one part of a host name, and says what it grants', () => {
  fc.assert(
    fc.property(grants, (grant) => {
      const label = tokens.labelOf(grant);
      expect(label).toMatch(/^[a-z0-9-]{1,63}$/);
      expect(tokens.read(label)).toEqual(grant);
    }),
  );
});

test('a label that was changed anywhere, or made with another key, grants nothing', () => {
  const label = tokens.labelOf({ sandboxId: randomUUID(), port: 3000, expiresAt: now / 1000 + 60 });
  for (let at = 0; at < label.length; at += 1) {
    for (const letter of 'a7-') {
      const changed = label.slice(0, at) + letter + label.slice(at + 1);
      expect(changed === label ? null : tokens.read(changed)).toBeNull();
    }
    expect(tokens.read(label.slice(0, at))).toBeNull();
  }
  expect(tokens.read(label.replace('3000-', '3001-'))).toBeNull();
  expect(tokens.read(label.replace('3000-', '03000-'))).toBeNull();
  expect(tokens.read(`${label}a`)).toBeNull();
  expect(createPreviewTokens('another key', () => now).read(label)).toBeNull();
});

test('a label grants nothing once its time is over', () => {
  const label = tokens.labelOf({ sandboxId: randomUUID(), port: 80, expiresAt: now / 1000 + 60 });
  const at = (ms: number) => createPreviewTokens('a key', () => now + ms).read(label);
  expect(at(59_999)).not.toBeNull();
  expect(at(60_000)).toBeNull();
});
