import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Connect, defineConfig, loadEnv, type Plugin } from 'vite';

/**
 * Answers `/connection.json` with the gateway's address and a token: those of the environment or of `.env.local`, else
 * those that `npm start` wrote. Only Vite's own servers answer it, on this machine; a build holds neither. In production
 * your server answers in their place, with a token of the person who signed in.
 */
function connection(mode: string): Plugin {
  const answer: Connect.SimpleHandleFunction = (_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.setHeader('cache-control', 'no-store');
    try {
      response.end(JSON.stringify(readConnection(mode)));
    } catch {
      response.statusCode = 503;
      response.end();
    }
  };
  return {
    name: 'switchyard-connection',
    configureServer: ({ middlewares }) => void middlewares.use('/connection.json', answer),
    configurePreviewServer: ({ middlewares }) => void middlewares.use('/connection.json', answer),
  };
}

function readConnection(mode: string): { url: string; token: string } {
  const { SWITCHYARD_URL: url, SWITCHYARD_TOKEN: token } = loadEnv(mode, import.meta.dirname, 'SWITCHYARD_');
  if (url && token) return { url, token };
  const file = path.join(import.meta.dirname, '../../.data/dev.json');
  const { gatewayUrl, apiKey } = JSON.parse(readFileSync(file, 'utf8'));
  return { url: gatewayUrl, token: apiKey };
}

export default defineConfig(({ mode }) => ({
  plugins: [connection(mode)],
  // No other page on this machine may read the token.
  server: { cors: false },
  preview: { cors: false },
}));
