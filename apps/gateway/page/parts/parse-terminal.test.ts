import { expect, it } from 'vitest';
import { createTerminalReader } from './parse-terminal.ts';

/** What stands on the screen after all pieces, with looks as `[look]`. */
function read(...pieces: readonly string[]): string {
  const reader = createTerminalReader();
  let open = '';
  let done = '';
  const show = (runs: readonly { readonly text: string; readonly look: string }[]) =>
    runs.map(({ text, look }) => (look === '' ? text : `[${look}]${text}`)).join('');
  for (const piece of pieces) {
    const now = reader.push(piece);
    done += now.lines.map((line) => `${show(line)}\n`).join('');
    open = show(now.open);
  }
  return done + open;
}

it('keeps colours and weight', () => {
  expect(read('a \u001B[1;31mred\u001B[0m b\n')).toBe('a [ansi-red ansi-bold]red b\n');
});

it('is the same wherever the output is cut', () => {
  const text =
    'one\r\ntwo \u001B[32mgreen\u001B[0m\r10%\r20%\n\u001B]8;;https://a.example\u0007link\u001B]8;;\u0007 \u001B[2Kend';
  const whole = read(text);
  expect(whole).toBe('one\n20%\nlink end');
  for (let at = 1; at < text.length; at += 1) {
    expect(read(text.slice(0, at), text.slice(at))).toBe(whole);
  }
});

it('shows none of what a program says to a terminal', () => {
  expect(read('\u001B]0;title\u0007a\u001B[10;20Hb\u0000\u0007c\u001B[?25l')).toBe('abc');
});
