import type { Tool } from '@switchyard/agent';
import { applyPatchTool } from './apply-patch.ts';
import { askTool } from './ask.ts';
import { completeTool } from './complete.ts';
import { deleteTool } from './delete.ts';
import { expandResultTool } from './expand-result.ts';
import { exposePortTool } from './expose-port.ts';
import { globTool } from './glob.ts';
import { grepTool } from './grep.ts';
import { listFilesTool } from './list-files.ts';
import { moveTool } from './move.ts';
import { readFileTool } from './read-file.ts';
import { shellCheckTool } from './shell-check.ts';
import { shellInputTool } from './shell-input.ts';
import { shellKillTool } from './shell-kill.ts';
import { shellTool } from './shell.ts';
import { strReplaceTool } from './str-replace.ts';
import { todoTool } from './todo.ts';
import { writeFileTool } from './write-file.ts';

/** Every tool that an agent has, always in this order: a provider's cache lives by it. */
export const allTools: readonly Tool[] = [
  shellTool,
  shellCheckTool,
  shellInputTool,
  shellKillTool,
  readFileTool,
  writeFileTool,
  strReplaceTool,
  applyPatchTool,
  moveTool,
  deleteTool,
  listFilesTool,
  globTool,
  grepTool,
  exposePortTool,
  expandResultTool,
  todoTool,
  askTool,
  completeTool,
];
