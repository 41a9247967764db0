import { createModels, createToolset } from '@switchyard/agent';
import { type ModelEntry, scriptedModel } from '@switchyard/protocol';
import { allTools } from '@switchyard/tools';
import { expect, onTestFinished, test } from 'vitest';
import { execute, startHarness } from './harness.ts';
import { startSandboxHost } from './sandbox-host.ts';

/**
 * One real task by a real model. `LIVE_MODEL_NAME` and `LIVE_MODEL_BASE_URL` (with its /v1) name it, `LIVE_MODEL_API_KEY`
 * opens it; `LIVE_MODEL_WIRE` is `chat` (the default), `responses` or `messages`, `LIVE_MODEL_TOOLS` `native` or `xml`.
 */
const {
  LIVE_MODEL_NAME: name,
  LIVE_MODEL_BASE_URL: baseUrl,
  LIVE_MODEL_API_KEY: apiKey = null,
  LIVE_MODEL_WIRE: wire = 'chat',
  LIVE_MODEL_TOOLS: tools = 'native',
} = process.env;
const isSet = name !== undefined && baseUrl !== undefined;
if (!isSet) {
  process.stderr.write(
    'SKIPPED: no real model was asked. Set LIVE_MODEL_NAME and LIVE_MODEL_BASE_URL (and LIVE_MODEL_API_KEY).\n',
  );
}

test.skipIf(!isSet)('a real model does a task with files and commands', { timeout: 600_000 }, async () => {
  const entry: ModelEntry = {
    ...scriptedModel,
    id: `openai-compatible:${name}`,
    provider: wire === 'messages' ? 'anthropic' : 'openai-compatible',
    wire: wire as ModelEntry['wire'],
    model: name ?? '',
    aliases: [],
    price: null,
    supports: { images: false, tools: tools as 'native' | 'xml' },
    reasoning: wire === 'chat' ? 'dropped' : 'sealed',
    cache: wire === 'messages' ? 'markers' : 'automatic',
  };
  const [harness, host] = await Promise.all([startHarness([]), startSandboxHost()]);
  onTestFinished(async () => {
    await harness.stop();
    await host.stop();
  });
  const worker = {
    ...harness.worker,
    tools: createToolset(allTools),
    sandboxes: host.sandboxes,
    models: createModels([entry], {
      openaiApiKey: apiKey,
      openaiBaseUrl: baseUrl ?? null,
      anthropicApiKey: apiKey,
      anthropicBaseUrl: baseUrl ?? null,
      scriptedModelUrl: null,
    }),
    maxDurationMs: 540_000,
    deadlines: { firstChunkMs: 180_000, chunkMs: 90_000 },
  };
  const text =
    'Write a program that writes the first 25 prime numbers into primes.txt, one a line. Run it, compute their sum with a ' +
    'command, write only the sum into sum.txt, check both files, then call complete with the sum.';
  const started = await harness.start(
    { turns: [{ steps: [] }] },
    { model: entry.id, message: { parts: [{ type: 'text', text }] } },
  );
  const run = await execute(harness, started, worker);
  expect(run).toMatchObject({ status: 'completed', reason: 'finished' });
  const sandbox = await host.sandboxes.open({
    projectId: started.project.id,
    sandboxId: null,
    signal: AbortSignal.timeout(60_000),
  });
  const signal = AbortSignal.timeout(60_000);
  const { output } = await sandbox.run({
    command: 'cat sum.txt; wc -w <primes.txt',
    timeoutMs: 30_000,
    signal,
  });
  expect(output.trim().split(/\s+/)).toEqual(['1060', '25']);
});
