import { asSchema, type JSONValue, tool as describeTool, type ToolSet } from 'ai';
import type { ApprovalRule } from './approval-rules.ts';
import type { ModelOutputPart, Tool } from './tool.ts';

/** The tools of a run: ours by name, and as the model is told of them. */
export interface Toolset {
  readonly byName: ReadonlyMap<string, Tool>;
  readonly names: ReadonlySet<string>;
  /** What the operator wants of calls, before what a tool itself asks for. */
  readonly rules: readonly ApprovalRule[];
  /** By schema only, without `execute`; always in the same order. */
  readonly forModel: ToolSet;
}

/** @throws when two tools have the same name */
export function createToolset(tools: readonly Tool[], rules: readonly ApprovalRule[] = []): Toolset {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  if (byName.size !== tools.length) throw new Error('Two tools have the same name.');
  const forModel: ToolSet = {};
  for (const tool of tools) {
    const { name, description } = tool;
    // Made once: the SDK would derive the JSON schema anew for each request.
    const inputSchema = asSchema(tool.inputSchema);
    const toModelOutput = (options: { output: unknown }) =>
      contentOf(tool.modelOutput?.(options.output as JSONValue) ?? []);
    forModel[name] = describeTool({
      description,
      inputSchema,
      ...(tool.modelOutput ? { toModelOutput } : {}),
    });
  }
  return { byName, names: new Set(byName.keys()), rules, forModel };
}

function contentOf(parts: readonly ModelOutputPart[]) {
  const value = parts.map((part) =>
    part.type === 'text'
      ? { type: 'text' as const, text: part.text }
      : {
          type: 'file' as const,
          mediaType: part.mediaType,
          data: { type: 'data' as const, data: part.base64 },
        },
  );
  return { type: 'content' as const, value };
}
