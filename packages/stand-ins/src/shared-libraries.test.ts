import { expect, test } from 'vitest';
import { packagesOfLibrary } from './shared-libraries.ts';

test.each([
  ['libjemalloc.so.2', 'libjemalloc2'],
  ['liblzf.so.1', 'liblzf1'],
  ['liblua5.1.so.0', 'liblua5.1-0'],
  ['libcap.so.2', 'libcap2'],
  ['libdb-5.3.so', 'libdb5.3'],
])('the package of %s is %s', (library, name) => {
  expect(packagesOfLibrary(library)[0]).toBe(name);
});

test('a name that is no library has no package', () => {
  expect(packagesOfLibrary('README')).toEqual([]);
});
