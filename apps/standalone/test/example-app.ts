import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build, preview } from 'vite';

/** A page as Vite built it, served from an origin of its own. */
export interface ExampleApp {
  readonly url: string;
  /** All files of the build, one behind the other. */
  readonly builtText: string;
  stop(): Promise<void>;
}

const examples = path.resolve(import.meta.dirname, '../../../examples');

/** Serves an example with the gateway and token as a developer names them in the environment. */
export async function startExampleApp({
  name,
  gatewayUrl,
  token,
}: {
  readonly name: string;
  readonly gatewayUrl: string;
  readonly token: string;
}): Promise<ExampleApp> {
  process.env['SWITCHYARD_URL'] = gatewayUrl;
  process.env['SWITCHYARD_TOKEN'] = token;
  return await startViteApp(path.join(examples, name));
}

/** Builds a folder and serves the build as `vite preview` does. */
export async function startViteApp(root: string): Promise<ExampleApp> {
  const outDir = await mkdtemp(path.join(tmpdir(), `vite-${path.basename(root)}-`));
  await build({ root, logLevel: 'error', build: { outDir, emptyOutDir: true } });
  const server = await preview({
    root,
    logLevel: 'error',
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0 },
  });
  const address = server.httpServer.address();
  if (address === null || typeof address === 'string') throw new Error('The example is not served.');
  const files = (await readdir(outDir, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const texts = files.map((file) => readFile(path.join(file.parentPath, file.name), 'utf8'));
  return {
    url: `http://127.0.0.1:${address.port}`,
    builtText: (await Promise.all(texts)).join('\n'),
    async stop() {
      await server.close();
      await rm(outDir, { recursive: true });
    },
  };
}
