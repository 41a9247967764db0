import { defineTool, type Tool } from '@switchyard/agent';
import { z } from 'zod';

const textInput = z.object({ text: z.string() });

/** Says its text again; may run twice. */
export const echo = defineTool({
  name: 'echo',
  description: 'Says the text again.',
  inputSchema: textInput,
  effect: 'read',
  needs: 'nothing',
  execute: async ({ text }) => ({ outcome: 'ok', output: { said: text } }),
});

/** Never succeeds, and says the same of it each time. */
export const failing = defineTool({
  name: 'failing',
  description: 'Fails.',
  inputSchema: textInput,
  effect: 'read',
  needs: 'nothing',
  execute: () => Promise.resolve({ outcome: 'error', message: 'The disk is full.' }),
});

/** Ends the run. */
export const complete = defineTool({
  name: 'complete',
  description: 'Ends the run.',
  inputSchema: textInput,
  effect: 'once',
  needs: 'nothing',
  execute: async ({ text }) => ({ outcome: 'ok', output: { text }, end: { reason: 'finished' } }),
});

/** A `once` tool that runs until its signal is aborted or `release` is called. */
export interface SlowTool {
  readonly tool: Tool<{ text: string }>;
  /** Resolves when a call has begun. */
  readonly started: () => Promise<void>;
  readonly release: () => void;
  readonly calls: () => number;
}

export function slowTool(
  options: { readonly effect?: 'read' | 'once'; readonly ignoresAbort?: boolean } = {},
): SlowTool {
  const { effect = 'once', ignoresAbort = false } = options;
  let begun = Promise.withResolvers<void>();
  let end = Promise.withResolvers<void>();
  let calls = 0;
  return {
    tool: defineTool({
      name: 'slow',
      description: 'Takes its time.',
      inputSchema: textInput,
      effect,
      needs: 'outside',
      async execute({ text }, { signal }) {
        calls += 1;
        begun.resolve();
        const { promise: aborted, reject } = Promise.withResolvers<never>();
        if (!ignoresAbort) signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        await Promise.race([end.promise, aborted]);
        return { outcome: 'ok', output: { text } };
      },
    }),
    started: async () => {
      await begun.promise;
      begun = Promise.withResolvers();
    },
    release: () => {
      end.resolve();
      end = Promise.withResolvers();
    },
    calls: () => calls,
  };
}
