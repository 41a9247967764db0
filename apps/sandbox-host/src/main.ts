import { resolve } from 'node:path';
import { ConfigurationError, createLifecycle, createLogger, startAdminServer } from '@switchyard/process';
import { type Config, readConfig } from './config.ts';
import { findTool } from './launch-command.ts';
import { startSandboxHost } from './start-host.ts';

/** Killing a sandbox takes milliseconds; the rest is for a machine under load (guess). */
const drainMs = 10_000;

function readConfigOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

const config = readConfigOrExit();
const logger = createLogger({ name: 'sandbox-host', level: config.logLevel });
const lifecycle = createLifecycle({ logger, drainMs });
lifecycle.listen();
// Node's own warnings (stripping types is still experimental) go where everything else goes.
process.removeAllListeners('warning');
process.on('warning', ({ name, message }) => logger.debug({ warning: name, message }, 'warning of Node'));

const host = await startSandboxHost({
  host: config.host,
  port: config.port,
  apiKey: config.apiKey,
  dataDir: resolve(config.dataDir),
  bwrapPath: config.bwrapPath ?? findTool('bwrap'),
  limits: config.limits,
  quotas: config.quotas,
  minFreeDiskBytes: config.minFreeDiskBytes,
  egress: config.egress,
  previews: { port: config.previewPort, publicUrl: config.previewUrl },
  logger,
});
lifecycle.onStop('sandboxes', () => host.close());
const adminServer =
  config.adminPort === null
    ? null
    : await startAdminServer({
        port: config.adminPort,
        readiness: () => Promise.resolve({ sandboxes: 'ok' }),
        status: () =>
          Promise.resolve({
            running: host.registry.running().length,
            trouble: host.trouble,
            memoryLimitBy: host.memoryLimitBy,
          }),
      });
if (adminServer) lifecycle.onStop('admin server', () => adminServer.close());
const { url, trouble, memoryLimitBy } = host;
logger.info({ url, adminUrl: adminServer?.url ?? null, trouble, memoryLimitBy }, 'ready');
