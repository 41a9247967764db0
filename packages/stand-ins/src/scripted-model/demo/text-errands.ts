import type { DemoCall } from './action.ts';
import type { Task } from './conversation.ts';
import { quoted, shell, writeFile } from './steps.ts';

/** One small step that a text asks for. */
export interface Errand {
  readonly title: string;
  readonly call: DemoCall;
  /** The workspace path of a file that the step leaves behind. */
  readonly makes: string | null;
}

const maxErrands = 4;

/** The steps that a task's words name: files to look at, commands to run, files to write, sums; else its measures. */
export function errandsIn(task: Task): readonly Errand[] {
  const found = [
    ...task.files.map(lookAt),
    ...commandsIn(task.text),
    ...filesToWriteIn(task.text),
    ...sumsIn(task.text),
  ].slice(0, maxErrands);
  return found.length > 0 ? found : [measure];
}

const measure: Errand = {
  title: 'Count the lines, words and characters of the task',
  call: shell('wc -lwm task.md'),
  makes: null,
};

function lookAt(path: string): Errand {
  const file = quoted(path);
  return {
    title: `Look at ${path}`,
    call: shell(`wc -c ${file} && head -c 400 ${file} | tr -c '[:print:]\\n' '.'`),
    makes: null,
  };
}

/** What stands in backticks after a word like "run". */
function commandsIn(text: string): Errand[] {
  if (!/\b(run|execute|try|start)\b/i.test(text)) return [];
  return [...text.matchAll(/`([^`\n]{2,500})`/g)].map((match) => ({
    title: `Run \`${match[1] ?? ''}\``,
    call: shell(match[1] ?? ''),
    makes: null,
  }));
}

/** File names after a word like "write", each filled with what stands in quotes, or with the task itself. */
function filesToWriteIn(text: string): Errand[] {
  if (!/\b(write|create|make|save|add)\b/i.test(text)) return [];
  const names = [...text.matchAll(/(?<![\w/.-])((?:[\w-]+\/)*[\w-]+\.(?:txt|md|json|js|mjs|html))\b/gi)];
  const content =
    /["“”]([^"“”\n]{1,2000})["“”]/.exec(text)?.[1] ?? (/\bhaiku\b/i.test(text) ? haiku : text.trim());
  const isToBeShown = /\b(show|print|display|read)\b/i.test(text);
  return [...new Set(names.map((match) => match[1] ?? ''))].flatMap((path) => [
    { title: `Write ${path}`, call: writeFile(path, contentFor(path, content)), makes: path },
    ...(isToBeShown ? [{ title: `Show ${path}`, call: shell(`cat ${quoted(path)}`), makes: null }] : []),
  ]);
}

/** The one poem that a script can answer for. */
const haiku = 'No mind, just a script\nfollowing its rails all day:\ngive me a real key.';

function contentFor(path: string, content: string): string {
  if (path.endsWith('.json')) return `${JSON.stringify({ text: content }, null, 2)}\n`;
  if (/\.m?js$/.test(path)) return `process.stdout.write(${JSON.stringify(`${content}\n`)});\n`;
  if (path.endsWith('.html')) {
    const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
    return `<!doctype html>\n<meta charset="utf-8">\n<title>Switchyard</title>\n<p>${escaped}</p>\n`;
  }
  return `${content}\n`;
}

/** A sum of plain numbers and signs, worked out by the sandbox's Node. */
function sumsIn(text: string): Errand[] {
  const sum = /(?<![\w.-])\(*\d[\d.\s()]*(?:[-+*/%][\d.\s()]+)+/.exec(text.replaceAll(/[×·]/g, '*'))?.[0];
  // A date or a range of years is no sum.
  if (sum === undefined || /^\d+(?:[-/]\d+)+$/.test(sum.trim())) return [];
  const expression = sum.trim().replace(/[.\s]+$/, '');
  return [{ title: `Work out ${expression}`, call: shell(`node -p ${quoted(expression)}`), makes: null }];
}
