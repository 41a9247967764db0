import { defineTool, type ToolResult } from '@switchyard/agent';
import { AppError } from '@switchyard/protocol';
import { maxReadBytes, relativeToWorkspace, resolveWorkspacePath } from '@switchyard/sandbox';
import { z } from 'zod';
import { pathSubject } from './subjects.ts';
import { openForEdit, recoverChange } from './edit-file.ts';
import { type FilePatch, PatchSyntaxError } from './patch/file-patch.ts';
import { parsePatch } from './patch/parse-patch.ts';
import { planPatch } from './patch/plan-patch.ts';

const maxCharacters = 400_000;
const maxFiles = 100;
/** Of all files together: they are held in memory until they are written. */
const maxTotalBytes = 32 * 1024 * 1024;
/** The model reads at most 8,192 characters of an error. */
const maxFaults = 8;
const maxFaultCharacters = 1500;

const inputSchema = z.strictObject({
  patch: z
    .string()
    .min(1)
    .max(maxCharacters)
    .describe('The patch, from "*** Begin Patch" to "*** End Patch", or a unified diff.'),
});

/** Changes several files or none. */
export const applyPatchTool = defineTool({
  name: 'apply_patch',
  description: `Applies a patch to one or several files: all of it, or nothing when any part does not fit; the answer says what does not. Form:
*** Begin Patch
*** Update File: src/old.py
*** Move to: src/new.py
@@ def total(rows):
     total = 0
-    for row in row:
+    for row in rows:
         total += row.amount
*** Add File: src/empty.py
+# each line of a new file begins with a plus
*** Delete File: src/unused.py
*** End Patch
Lines of a hunk begin with a space (kept), "-" (removed) or "+" (added) and are compared with the file exactly, but for blanks at line ends. Give about three kept lines around a change; the kept and removed lines must stand in the file once below the hunk before, or below the line that is named behind "@@". "Move to" and "@@" may be left out. A unified diff (--- a/file, +++ b/file, @@ -1,4 +1,5 @@) works, too. Paths are relative to /workspace. Everything that the patch does not name stays byte for byte: line ends, byte order mark, encoding, permissions. Refused when a file has changed since you last read or wrote it here. At most ${maxCharacters} characters, ${maxFiles} files of up to ${maxReadBytes / 1024 / 1024} MiB, ${maxTotalBytes / 1024 / 1024} MiB in all.`,
  inputSchema,
  effect: 'once',
  needs: 'sandbox',
  subjectsOf({ patch }) {
    const parsed = parse(patch);
    return 'message' in parsed ? [] : namedPaths(parsed.patches).map(pathSubject);
  },
  async execute({ patch }, context): Promise<ToolResult> {
    const parsed = parse(patch);
    if ('message' in parsed) return refuse([parsed.message]);
    const { patches } = parsed;
    if (patches.length > maxFiles)
      return refuse([`It names ${patches.length} files; at most ${maxFiles} are possible at once.`]);
    const sandbox = await context.sandbox();
    const { signal } = context;
    let total = 0;
    const plan = await planPatch(patches, {
      async open(path, options) {
        const opened = await openForEdit(context, path, options);
        if (opened.outcome === 'opened') total += opened.file.bytes.byteLength;
        if (total > maxTotalBytes)
          throw new AppError(
            'payload_too_large',
            `The files of the patch have more than ${maxTotalBytes / 1024 / 1024} MiB in all; nothing was changed. Apply it in parts.`,
          );
        return opened;
      },
      modeOf: async (path) => (await sandbox.stat(path, { signal }))?.mode ?? 0o644,
    });
    if (plan.outcome === 'refused') return refuse(plan.faults);
    const output = { files: plan.files };
    const claim = await context.claim(output);
    await sandbox.changeFiles({ changes: plan.changes, readerId: context.threadId, signal, claim });
    return { outcome: 'ok', output };
  },
  recover: (record, { patch }) => {
    const parsed = parse(patch);
    return recoverChange(record, 'patches' in parsed ? pathsOf(parsed.patches) : []);
  },
});

function parse(patch: string): { readonly patches: readonly FilePatch[] } | { readonly message: string } {
  try {
    return { patches: parsePatch(patch) };
  } catch (error) {
    if (error instanceof PatchSyntaxError) return { message: error.message };
    throw error;
  }
}

function namedPaths(patches: readonly FilePatch[]): string[] {
  return patches.flatMap((patch) =>
    patch.kind === 'update' && patch.moveTo !== null ? [patch.path, patch.moveTo] : [patch.path],
  );
}

/** In the order in which the sandbox is told of them. */
function pathsOf(patches: readonly FilePatch[]): string[] {
  return [...new Set(namedPaths(patches).map((path) => relativeToWorkspace(resolveWorkspacePath(path))))];
}

function refuse(faults: readonly string[]): ToolResult {
  const shown = faults
    .slice(0, maxFaults)
    .map((fault) =>
      fault.length <= maxFaultCharacters ? fault : `${fault.slice(0, maxFaultCharacters).toWellFormed()} …`,
    );
  const rest = faults.length - shown.length;
  const message = [
    'The patch was not applied; nothing was changed.',
    ...shown,
    ...(rest > 0 ? [`… and ${rest} more.`] : []),
  ];
  return { outcome: 'error', message: message.join('\n') };
}
