import { readdir, readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import path from 'node:path';
import { expect, test } from 'vitest';

/** The sources as browsers get them: each file without its types. */
async function readStripped(): Promise<(readonly [name: string, text: string])[]> {
  const names = (await readdir(import.meta.dirname)).filter((name) => /(?<!\.test)\.ts$/.test(name));
  return await Promise.all(
    names.map(async (name) => {
      const text = await readFile(path.join(import.meta.dirname, name), 'utf8');
      return [name, stripTypeScriptTypes(text)] as const;
    }),
  );
}

const withoutComments = (text: string) => text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');

test('nothing is left to resolve at run time but the files of this folder', async () => {
  const sources = await readStripped();
  const names = new Set(sources.map(([name]) => `./${name}`));
  expect(names).toContain('./index.ts');
  for (const [name, text] of sources) {
    const imported = [...withoutComments(text).matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)];
    expect(
      imported.map(([, specifier]) => specifier ?? '').filter((specifier) => !names.has(specifier)),
      name,
    ).toEqual([]);
  }
});

test('nothing is used that only Node has', async () => {
  for (const [name, text] of await readStripped()) {
    expect(withoutComments(text), name).not.toMatch(
      /\b(?:process|Buffer|require|global|setImmediate|__dirname|import\.meta)\b/,
    );
  }
});
