import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { safeFileName } from './safe-file-name.ts';

describe('safeFileName', () => {
  it.each([
    ['sales.csv', 'sales.csv'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\Bericht 2026.xlsx', 'Bericht 2026.xlsx'],
    ['Übersicht – 東京 📈.pdf', 'Übersicht – 東京 📈.pdf'],
    ['a\u0000b\nc\u007f.txt', 'abc.txt'],
    ['invoice\u202efdp.exe', 'invoicefdp.exe'],
    ['.env', '.env'],
    ['', 'file'],
    ['..', 'file'],
    ['folder/', 'file'],
    ['\u0007', 'file'],
    ['e\u0301.txt', '\u00e9.txt'],
  ])('makes %j into %j', (given, expected) => {
    expect(safeFileName(given)).toBe(expected);
  });

  it('cuts a long name to 200 bytes, between characters, and keeps its extension', () => {
    const name = safeFileName(`${'ü'.repeat(300)}.csv`);
    expect(name).toMatch(/^ü+\.csv$/);
    expect(Buffer.byteLength(name)).toBe(200);
    expect(Buffer.byteLength(safeFileName(`a.${'x'.repeat(500)}`))).toBe(200);
  });

  it('makes one harmless segment of any string, and leaves a safe name as it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string()), (given) => {
        const name = safeFileName(given);
        expect(name).not.toMatch(/[/\\\p{Cc}]/u);
        expect(['', '.', '..']).not.toContain(name);
        expect(name.isWellFormed()).toBe(true);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
        expect(safeFileName(name)).toBe(name);
      }),
    );
  });
});
