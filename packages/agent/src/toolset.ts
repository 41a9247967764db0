import { asSchema, tool as describeTool, type ToolSet } from 'ai';
import type { Tool } from './tool.ts';

/** The tools of a run: ours by name, and as the model is told of them. */
export interface Toolset {
  readonly byName: ReadonlyMap<string, Tool>;
  readonly names: ReadonlySet<string>;
  /** By schema only, without `execute`; always in the same order. */
  readonly forModel: ToolSet;
}

/** @throws when two tools have the same name */
export function createToolset(tools: readonly Tool[]): Toolset {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  if (byName.size !== tools.length) throw new Error('Two tools have the same name.');
  const forModel: ToolSet = {};
  for (const { name, description, inputSchema } of tools) {
    // Made once: the SDK would derive the JSON schema anew for each request.
    forModel[name] = describeTool({ description, inputSchema: asSchema(inputSchema) });
  }
  return { byName, names: new Set(byName.keys()), forModel };
}
