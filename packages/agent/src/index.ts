export type { JSONValue } from 'ai';
export {
  type CallRecord,
  defineTool,
  type Tool,
  type ToolContext,
  type ToolEffect,
  type ToolNeed,
  type ToolResult,
} from './tool.ts';
