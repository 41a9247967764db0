import { defineTool } from '@switchyard/agent';
import { z } from 'zod';

/** A server that was just started needs a moment; the model is told sooner than it would wonder. */
const waitS = 15;

const inputSchema = z.strictObject({
  port: z.int().min(1).max(65_535).describe('The port that your server listens on, at 127.0.0.1 or ::1.'),
  title: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .optional()
    .describe('What the user will see there, in a few words.'),
});

/** Shows the user what a server in the sandbox serves. Changes nothing there, so it may run again after a crash. */
export const exposePortTool = defineTool({
  name: 'expose_port',
  description: `Shows the user a web page or API that a server of yours serves in the sandbox. Start the server first with shell and background; this waits up to ${waitS} seconds for the port. The user gets a private address that expires and is renewed when they open it again; you get none, and nothing becomes public. It works as long as the server runs.`,
  inputSchema,
  effect: 'read',
  needs: 'sandbox',
  subjectsOf: ({ port }) => [`${port}`],
  async execute({ port, title }, context) {
    const sandbox = await context.sandbox();
    const { exitCode } = await sandbox.run({
      command: waitForPort(port),
      timeoutMs: (waitS + 10) * 1000,
      signal: context.signal,
    });
    if (exitCode !== 0) {
      return {
        outcome: 'error',
        message: `Nothing listens on port ${port} after ${waitS} seconds. Start the server with shell and background, look at its output with shell_check, and make sure that it uses this port at 127.0.0.1.`,
      };
    }
    return {
      outcome: 'ok',
      output: `Port ${port} is shown to the user${title === undefined ? '' : ` as "${title}"`}.`,
      data: [
        {
          type: 'data-preview',
          id: context.callId,
          data: { port, ...(title === undefined ? {} : { title }) },
        },
      ],
    };
  },
});

/** Asks the kernel's own list of listeners: a connection would be one that the server has to answer. */
function waitForPort(port: number): string {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return `end=$(($(date +%s) + ${waitS}))
while [ "$(date +%s)" -lt "$end" ]; do
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q ":${hex} [0-9A-F]*:0000 0A " && exit 0
  sleep 0.1
done
exit 1`;
}
