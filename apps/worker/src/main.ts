import { createLifecycle, createLogger } from '@switchyard/process';
import { allTools } from '@switchyard/tools';
import { readConfig } from './config.ts';
import { startWorker } from './start-worker.ts';

const config = readConfig(process.env);
const logger = createLogger({ name: 'worker', level: config.logLevel });
// After the drain time runs are handed over and connections closed, each within a few seconds.
const lifecycle = createLifecycle({ logger, drainMs: config.drainMs + 10_000 });
lifecycle.listen();
// The SDK prints what a provider cannot do to the console; what matters of it fails loudly anyway.
globalThis.AI_SDK_LOG_WARNINGS = false;
const { adminUrl } = await startWorker({ config, tools: allTools, logger, lifecycle });
logger.info({ adminUrl }, 'ready');
