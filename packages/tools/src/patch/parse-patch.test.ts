import { describe, expect, test } from 'vitest';
import { parsePatch } from './parse-patch.ts';

const faultOf = (text: string): string => {
  try {
    parsePatch(text);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('It was parsed.');
};

describe('a patch behind marks', () => {
  const text = `*** Begin Patch
*** Update File: src/a.ts
*** Move to: src/b.ts
@@ class A
@@   run() {
     one

-    two
+    2
*** End of File
*** Add File: new file.txt
+first
+
+third
*** Delete File: old.txt
*** End Patch`;
  const files = [
    {
      kind: 'update',
      path: 'src/a.ts',
      moveTo: 'src/b.ts',
      mode: null,
      hunks: [
        {
          name: 'hunk 1 of src/a.ts (line 4 of the patch)',
          anchors: ['class A', '  run() {'],
          lines: [
            { kind: 'keep', text: '    one' },
            { kind: 'keep', text: '' },
            { kind: 'remove', text: '    two' },
            { kind: 'add', text: '    2' },
          ],
          position: null,
          isAtEnd: true,
          hasFinalEnd: null,
        },
      ],
    },
    { kind: 'add', path: 'new file.txt', content: 'first\n\nthird\n', mode: null },
    { kind: 'delete', path: 'old.txt' },
  ];

  test('is read section by section', () => {
    expect(parsePatch(text)).toEqual(files);
  });

  test('may lack its frame, be wrapped in other text, or come with CRLF', () => {
    const inner = text.split('\n').slice(1, -1).join('\n');
    const shift = (from: string, to: string) =>
      JSON.parse(JSON.stringify(files).replaceAll(from, to)) as unknown;
    expect(parsePatch(inner)).toEqual(shift('(line 4', '(line 3'));
    expect(parsePatch(`Here it is:\n\`\`\`\n${text}\n\`\`\`\n`)).toEqual(shift('(line 4', '(line 6'));
    expect(parsePatch(`${text.replaceAll('\n', '\r\n')}\r\n`)).toEqual(files);
  });

  test('may have blank lines between its sections', () => {
    const spaced = text
      .replaceAll('*** Add', '\n\n*** Add')
      .replaceAll('*** End Patch', '\n*** End Patch\n\n');
    expect(parsePatch(spaced)).toEqual(files);
  });

  test.each([
    ['*** Begin Patch\n*** Add File: a\nplain\n*** End Patch'],
    ['*** Begin Patch\n*** Update File: a\n@@\n one\ntwo\n*** End Patch'],
    ['*** Begin Patch\n*** Update File: a\n@@\n one\n two\n*** End Patch'],
    ['*** Begin Patch\n*** Update File: a\n*** End Patch'],
    ['*** Begin Patch\nUpdate a\n*** End Patch'],
    ['*** Begin Patch\n*** End Patch'],
    ['s/a/b/'],
    [''],
  ])('that is none is refused in words: %j', (broken) => {
    expect(faultOf(broken)).toMatchSnapshot();
  });
});

describe('a unified diff', () => {
  test('of git is read with its headers', () => {
    const text = String.raw`diff --git a/script.sh b/script.sh
old mode 100644
new mode 100755
index 1..2
--- a/script.sh
+++ b/script.sh
@@ -3,3 +3,2 @@ function before()
 one
---- two
-three
+++ 2
\ No newline at end of file
diff --git a/old name.txt b/new name.txt
similarity index 100%
rename from old name.txt
rename to new name.txt
diff --git "a/\303\274.txt" "b/\303\274.txt"
new file mode 100644
--- /dev/null
+++ "b/\303\274.txt"
@@ -0,0 +1,2 @@
+one
+two
diff --git a/gone b/gone
deleted file mode 100644
--- a/gone
+++ /dev/null
@@ -1 +0,0 @@
-x
-- 
2.39.5
`;
    expect(parsePatch(text)).toEqual([
      {
        kind: 'update',
        path: 'script.sh',
        moveTo: null,
        mode: 0o755,
        hunks: [
          expect.objectContaining({
            position: 2,
            hasFinalEnd: false,
            lines: [
              { kind: 'keep', text: 'one' },
              { kind: 'remove', text: '--- two' },
              { kind: 'remove', text: 'three' },
              { kind: 'add', text: '++ 2' },
            ],
          }),
        ],
      },
      { kind: 'update', path: 'old name.txt', moveTo: 'new name.txt', mode: null, hunks: [] },
      { kind: 'add', path: 'ü.txt', content: 'one\ntwo\n', mode: 0o644 },
      { kind: 'delete', path: 'gone' },
    ]);
  });

  test('without prefixes, with times, and with wrong counts is read all the same', () => {
    const text = `--- src/a.c\t2026-01-01 10:00:00
+++ src/a.c\t2026-01-01 10:00:01
@@ -1,9 +1,9 @@
 a
-b
+c

--- src/b.c
+++ src/b.c
@@ -1 +1 @@
-x
+y
 z
`;
    expect(parsePatch(text)).toMatchObject([
      { path: 'src/a.c', moveTo: null, hunks: [{ position: 0, lines: { length: 3 } }] },
      { path: 'src/b.c', hunks: [{ lines: { length: 3 } }] },
    ]);
  });

  test.each([
    ['@@ -1 +1 @@\n-a\n+b\n--- a\n+++ b\n'],
    ['--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\nb\n'],
    ['diff --git a/x.png b/x.png\nindex 1..2\nBinary files a/x.png and b/x.png differ\n'],
    ['diff --git a/x b/y\nsimilarity index 100%\ncopy from x\ncopy to y\n'],
  ])('that is none is refused in words: %j', (broken) => {
    expect(faultOf(broken)).toMatchSnapshot();
  });
});
