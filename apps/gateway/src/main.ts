import { createLifecycle, createLogger } from '@switchyard/process';
import { readConfig } from './config.ts';
import { startGateway } from './start-gateway.ts';

const config = readConfig(process.env);
const logger = createLogger({ name: 'gateway', level: config.logLevel });
const lifecycle = createLifecycle({ logger, drainMs: config.drainMs + 2000 });
lifecycle.listen();
const { url, adminUrl } = await startGateway({ config, logger, lifecycle });
logger.info({ url, adminUrl }, 'ready');
