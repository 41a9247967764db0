import { createLifecycle, createLogger } from '../src/index.ts';

const logger = createLogger({ name: 'fixture' });
const lifecycle = createLifecycle({ logger, drainMs: 2000 });
lifecycle.listen();
const timer = setInterval(() => logger.info('alive'), 5);
lifecycle.onStop('timer', () => clearInterval(timer));
if (process.argv[2] === 'throws') void Promise.reject(new Error('unexpected'));
logger.info('ready');
