import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

/** In the order in which they need each other. */
const files = [
  'character-set',
  'pattern-syntax',
  'compile-pattern',
  'match-text',
  'glob-pattern',
  'walk-files',
  'read-lines',
  'search-files',
  'main',
] as const;

let program: string | null = null;

/**
 * The program that searches inside a sandbox, as one script for its Node: the files of `inside/` without their types,
 * each in a function of its own that gives what the file exports.
 */
export function insideProgram(): string {
  program ??= files.map((name) => moduleText(name)).join('\n');
  return program;
}

function moduleText(name: string): string {
  const source = readFileSync(new URL(`./inside/${name}.ts`, import.meta.url), 'utf8');
  const names = [...source.matchAll(/^export (?:function\*?|const|class) (\w+)/gm)].map(
    ([, exported]) => exported,
  );
  const body = stripTypeScriptTypes(source)
    .replaceAll(/^import (\{[^}]*\}) from '(node:[^']*)';$/gm, "const $1 = require('$2');")
    .replaceAll(/^import (\{[^}]*\}) from '\.\/([^']*)\.ts';$/gm, (_, imported: string, from: string) => {
      return `const ${imported} = ${variableOf(from)};`;
    })
    .replaceAll(/^export /gm, '')
    // Comments and what is left of types: the text travels with each search.
    .replaceAll(/^ *(?:\/\*\*|\*|\/\/).*$/gm, '')
    .replaceAll(/\s*\n\s*\n/g, '\n');
  return `const ${variableOf(name)} = (() => {\n${body}\nreturn { ${names.join(', ')} };\n})();`;
}

function variableOf(name: string): string {
  return `module_${name.replaceAll('-', '_')}`;
}
