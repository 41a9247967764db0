import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { allTools } from './index.ts';

// What the model reads is an interface: a change of these texts is reviewed as one.
describe('the tools as the model is told of them', () => {
  test.each(allTools.map((tool) => [tool.name, tool] as const))('%s', (_, tool) => {
    const { name, description, effect, needs } = tool;
    const { $schema: _schema, ...input } = z.toJSONSchema(tool.inputSchema, { io: 'input' });
    expect({ name, effect, needs, description, input }).toMatchSnapshot();
  });

  test('have names of small letters, each once, in a fixed order', () => {
    expect(allTools.map((tool) => tool.name)).toEqual([
      'shell',
      'shell_check',
      'shell_input',
      'shell_kill',
      'read_file',
      'write_file',
      'str_replace',
      'apply_patch',
      'move',
      'delete',
      'list_files',
      'glob',
      'grep',
      'expose_port',
      'expand_result',
      'todo',
      'ask',
      'complete',
    ]);
  });

  test('can be recovered when they change something in the sandbox', () => {
    const tools = allTools.filter((tool) => tool.effect === 'once' && tool.needs === 'sandbox');
    expect(tools.map((tool) => tool.name)).toEqual([
      'shell',
      'shell_input',
      'shell_kill',
      'write_file',
      'str_replace',
      'apply_patch',
      'move',
      'delete',
    ]);
    expect(tools.every((tool) => tool.recover !== undefined)).toBe(true);
  });

  test('refuse arguments that they do not know', () => {
    const shell = allTools[0];
    expect(shell?.inputSchema.safeParse({ command: 'ls', timeout: 5 }).success).toBe(false);
  });
});
