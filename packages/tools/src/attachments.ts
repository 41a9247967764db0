import type { ToolContext, ToolResult } from '@switchyard/agent';
import type { DataPart } from '@switchyard/protocol';
import { relativeToWorkspace, resolveWorkspacePath } from '@switchyard/sandbox';
import { z } from 'zod';
import { mediaTypeOf } from './media-type.ts';

const maxAttachments = 20;

/** The argument of the tools that hand files to the user. */
export const attachmentsSchema = z
  .array(z.string().min(1))
  .max(maxAttachments)
  .optional()
  .describe(
    `Files of the workspace that the user is to have: shown beside the text, to open and to download. At most ${maxAttachments}; no folders, pack one into an archive.`,
  );

/**
 * A `data-file` part for each of the files, in order and once, to be spread into the result; or what is wrong with them,
 * for the model. No sandbox is asked where there are none. Throws what the sandbox throws.
 */
export async function attachFiles(
  context: ToolContext,
  attachments: readonly string[] = [],
): Promise<
  | { readonly outcome: 'attached'; readonly shown: { readonly data?: readonly DataPart[] } }
  | Extract<ToolResult, { outcome: 'error' }>
> {
  if (attachments.length === 0) return { outcome: 'attached', shown: {} };
  const { signal, callId } = context;
  const paths = [...new Set(attachments.map((path) => relativeToWorkspace(resolveWorkspacePath(path))))];
  const sandbox = await context.sandbox();
  const data: DataPart[] = [];
  const faults: string[] = [];
  for (const [index, path] of paths.entries()) {
    // One that is there under a link counts as what the link leads to: it is what a download gives.
    const stat = await sandbox.stat(path, { signal });
    const file = stat?.kind === 'link' ? await sizeBehind(context, path) : stat;
    if (file === null) faults.push(`${path} does not exist.`);
    else if ('kind' in file && file.kind !== 'file')
      faults.push(
        `${path} is ${file.kind === 'directory' ? 'a folder: pack it into an archive' : 'no file'}.`,
      );
    else {
      const name = path.slice(path.lastIndexOf('/') + 1);
      data.push({
        type: 'data-file',
        id: `${callId}-${index}`,
        data: { path, name, mediaType: mediaTypeOf(name), size: file.size },
      });
    }
  }
  if (faults.length === 0) return { outcome: 'attached', shown: { data } };
  return {
    outcome: 'error',
    message: `Nothing was handed over. ${faults.join(' ')} Mend the attachments and call again.`,
  };
}

/** Rejects as a read does for what a link must not lead to. */
async function sizeBehind(context: ToolContext, path: string): Promise<{ readonly size: number }> {
  const sandbox = await context.sandbox();
  const { size } = await sandbox.readFile(path, { length: 1, signal: context.signal });
  return { size };
}
