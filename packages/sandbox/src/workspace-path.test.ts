import { AppError } from '@switchyard/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { relativeToWorkspace, resolveWorkspacePath } from './workspace-path.ts';

function tryToResolve(path: string): string {
  try {
    return resolveWorkspacePath(path);
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_path') return 'refused';
    throw error;
  }
}

describe('a workspace path', () => {
  test.each([
    ['a', '/workspace/a'],
    ['a/b', '/workspace/a/b'],
    ['./a//b/', '/workspace/a/b'],
    ['a/../b', '/workspace/b'],
    ['', '/workspace'],
    ['.', '/workspace'],
    ['/workspace', '/workspace'],
    ['/workspace/', '/workspace'],
    ['/workspace/a/../b', '/workspace/b'],
    ['..a/...', '/workspace/..a/...'],
    ['ü 日本/😀', '/workspace/ü 日本/😀'],
  ])('%j is %j', (path, expected) => {
    expect(resolveWorkspacePath(path)).toBe(expected);
  });

  test.each([
    '..',
    '../a',
    'a/../../b',
    '/',
    '/etc/passwd',
    '/workspace/..',
    '/workspace/../etc',
    '/workspacex',
    '/workspace2/a',
    'a\0b',
    'a\nb',
    'a\u007fb',
    'a\u0085b',
    '\ud800',
    'x'.repeat(256),
    'x/'.repeat(2_001),
  ])('%j is refused', (path) => {
    expect(() => resolveWorkspacePath(path)).toThrow(
      expect.objectContaining({ code: 'invalid_path' }) as Error,
    );
  });

  test('never leaves the workspace, whatever it is made of', () => {
    const segment = fc.oneof(
      fc.constantFrom('..', '.', '', 'a', 'workspace', 'etc'),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 12 }), fc.boolean(), (segments, isAbsolute) => {
        const resolved = tryToResolve((isAbsolute ? '/' : '') + segments.join('/'));
        expect(resolved).toMatch(/^\/workspace(\/|$)|^refused$/);
        expect(
          resolved
            .split('/')
            .slice(1)
            .filter((name) => ['', '.', '..'].includes(name)),
        ).toEqual([]);
      }),
    );
  });

  test('comes back from its absolute form', () => {
    expect(relativeToWorkspace('/workspace/a/b')).toBe('a/b');
    expect(relativeToWorkspace('/workspace')).toBe('.');
  });
});
