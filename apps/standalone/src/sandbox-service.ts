import path from 'node:path';
import { fetchBubblewrap, findBubblewrap } from '@switchyard/stand-ins';
import { startNodeApp } from './node-app.ts';
import { namedService, type Service, type ServiceContext } from './services.ts';
import { supervise } from './supervise.ts';

export interface SandboxService extends Service {
  readonly apiKey: string;
}

/**
 * The sandboxes of `DAYTONA_API_URL`, else the local sandbox host, started again when it dies. Without bubblewrap it
 * starts all the same and answers each request for a sandbox with what is missing.
 */
export async function provideSandboxes(context: ServiceContext, sandboxKey: string): Promise<SandboxService> {
  const { config, logs, report, onStart } = context;
  if (config.daytona) {
    const service = await namedService({ url: config.daytona.apiUrl, variable: 'DAYTONA_API_URL' });
    return { ...service, apiKey: config.daytona.apiKey };
  }
  const bubblewrap = await lookForBubblewrap(context);
  const log = logs.open('sandbox-host');
  let port = 0;
  const host = await supervise({
    name: 'The sandbox host',
    start: () =>
      startNodeApp({
        name: 'sandbox-host',
        environment: {
          // Nothing of the user's environment: what runs beside untrusted programs knows none of his secrets.
          PATH: config.environment['PATH'] ?? '',
          NODE_COMPILE_CACHE: config.environment['NODE_COMPILE_CACHE'] ?? '',
          HOST: '127.0.0.1',
          PORT: String(port),
          DAYTONA_API_KEY: sandboxKey,
          DATA_DIR: path.join(config.dataDir, 'sandboxes'),
          ...ownSettings(config.environment),
          ...('path' in bubblewrap ? { BWRAP_PATH: bubblewrap.path } : {}),
        },
        log,
      }),
    async onStart(started) {
      if (started.url !== null) port = Number(new URL(started.url).port);
      await onStart();
    },
    report,
  });
  return {
    url: host.current().url ?? '',
    apiKey: sandboxKey,
    description: 'path' in bubblewrap ? `local, ${bubblewrap.name}` : `none: ${bubblewrap.trouble}`,
    pid: () => host.current().pid,
    stop: () => host.stop(),
  };
}

/** What is meant for the sandbox host alone; none of it is a secret. */
function ownSettings(environment: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('SANDBOX_')));
}

type Bubblewrap = { readonly path: string; readonly name: string } | { readonly trouble: string };

/** The one that the user names, the one on the PATH, or one fetched from the machine's packages. */
async function lookForBubblewrap({ config, report }: ServiceContext): Promise<Bubblewrap> {
  const named = config.environment['BWRAP_PATH'];
  if (named !== undefined && named !== '') return { path: named, name: `bubblewrap at ${named}` };
  if (process.platform !== 'linux') return { trouble: 'sandboxes need Linux; tools that need one say so' };
  try {
    const program =
      (await findBubblewrap(config.environment['PATH'] ?? '')) ??
      (await fetchBubblewrap({ cacheDir: config.cacheDir, log: report }));
    return { path: program.command, name: `bubblewrap ${program.version}` };
  } catch (error) {
    return { trouble: `${(error as Error).message}; tools that need one say so` };
  }
}
