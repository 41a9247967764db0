// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { fine, weak, wrong } from './finding.mjs';

/** @typedef {import('./finding.mjs').Finding} Finding */
/** @typedef {import('./read-settings.mjs').Settings} Settings */

const connectMs = 5000;
/** @type {Readonly<Record<string, number>>} */
const defaultPorts = {
  'postgres:': 5432,
  'postgresql:': 5432,
  'redis:': 6379,
  'rediss:': 6379,
  'http:': 80,
  'https:': 443,
};

/** @param {{ readonly host: string, readonly port: number }} address @returns {Promise<boolean>} */
export function canConnect({ host, port }) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: connectMs });
    /** @param {boolean} result */
    const settle = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('timeout', () => settle(false));
  });
}

/**
 * Whether somebody listens where a variable points; the address is shown without what else stands in the URL.
 * @param {{ readonly area: string, readonly variable: string, readonly settings: Settings }} service
 * @returns {Promise<Finding>}
 */
export async function checkNamedService({ area, variable, settings }) {
  const { value = '', place = '.env' } = settings.get(variable) ?? {};
  const change =
    place === '.env' ? `edit ${variable} in .env` : `unset ${variable}   # npm start then brings its own`;
  const url = parseUrl(value);
  const port = url && (Number(url.port) || defaultPorts[url.protocol]);
  if (!url || !port) return wrong(area, `${variable} is no URL of a kind that fits`, change);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const shown = `${host}:${port} (${variable})`;
  return (await canConnect({ host, port }))
    ? fine(area, shown)
    : wrong(area, `nobody answers at ${shown}`, change);
}

/** @param {string} text */
function parseUrl(text) {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/**
 * @param {{ readonly settings: Settings, readonly cacheDirectory: string }} options
 * @returns {Promise<Finding[]>}
 */
export async function checkServices({ settings, cacheDirectory }) {
  /** @param {string} area @param {string} variable @param {() => Finding} otherwise */
  const check = async (area, variable, otherwise) =>
    settings.has(variable) ? checkNamedService({ area, variable, settings }) : otherwise();
  const services = await Promise.all([
    check('Postgres', 'DATABASE_URL', () => fine('Postgres', 'npm start brings its own, under .data')),
    check('Redis', 'REDIS_URL', () => findOwnRedis(settings, cacheDirectory)),
    check('accounts', 'SUPABASE_URL', () => fine('accounts', 'npm start brings its own')),
    check('sandboxes', 'DAYTONA_API_URL', () => fine('sandboxes', 'npm start brings their host')),
  ]);
  return [...services, ...checkPairs(settings)];
}

/** @param {Settings} settings @param {string} cacheDirectory @returns {Finding} */
function findOwnRedis(settings, cacheDirectory) {
  const searchPath = (settings.get('PATH')?.value ?? '').split(path.delimiter);
  const found = ['redis-server', 'valkey-server'].find((name) =>
    searchPath.some((folder) => folder !== '' && existsSync(path.join(folder, name))),
  );
  if (found) return fine('Redis', `npm start runs this machine's ${found}`);
  if (existsSync(path.join(cacheDirectory, 'debian/redis-server'))) {
    return fine('Redis', 'npm start runs the fetched redis-server');
  }
  const isDebian = ['apt-get', 'dpkg-deb'].every((name) => existsSync(`/usr/bin/${name}`));
  if (isDebian) return fine('Redis', "npm start fetches it from this machine's Debian packages (1.4 MB)");
  const install = process.platform === 'darwin' ? 'brew install redis' : 'sudo dnf install valkey';
  return wrong('Redis', 'there is no redis-server and no valkey-server', install);
}

/** @param {Settings} settings @returns {Finding[]} */
function checkPairs(settings) {
  const pairs = [
    ['SUPABASE_URL', 'SUPABASE_SECRET_KEY'],
    ['DAYTONA_API_URL', 'DAYTONA_API_KEY'],
  ];
  return pairs.flatMap((pair) => {
    const [missing] = pair.filter((name) => !settings.has(name));
    const [set] = pair.filter((name) => settings.has(name));
    return missing === undefined || set === undefined
      ? []
      : [wrong('settings', `${set} is set and ${missing} is not`, `echo '${missing}=…' >> .env`)];
  });
}

/**
 * @param {{ readonly settings: Settings, readonly dataDirectory: string }} options
 * @returns {Promise<Finding>}
 */
export async function checkPort({ settings, dataDirectory }) {
  const text = settings.get('PORT')?.value ?? '8787';
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    return wrong('port', 'PORT is no port', 'PORT=8787 npm start');
  }
  if (port === 0) return fine('port', 'any that is free');
  if (!(await canConnect({ host: '127.0.0.1', port }))) return fine('port', `${port} is free`);
  return runsHere(dataDirectory)
    ? fine('port', `${port}: this Switchyard is running`)
    : wrong(
        'port',
        `${port} is in use by another program`,
        `PORT=${port === 65_535 ? 8787 : port + 1} npm start`,
      );
}

/** @param {string} dataDirectory */
function runsHere(dataDirectory) {
  try {
    const { pid } = JSON.parse(readFileSync(path.join(dataDirectory, 'launcher.json'), 'utf8'));
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

const keyNames = [
  'OPENAI_API_KEY',
  'ANTHROPIC_API_KEY',
  'SUPABASE_SECRET_KEY',
  'DAYTONA_API_KEY',
  'TAVILY_API_KEY',
  'FIRECRAWL_API_KEY',
  'RAPIDAPI_KEY',
];

/** By their names alone. @param {Settings} settings @returns {Finding} */
export function checkKeys(settings) {
  const found = keyNames.flatMap((name) => {
    const setting = settings.get(name);
    return setting ? [`${name} (${setting.place})`] : [];
  });
  return fine('keys', found.length === 0 ? 'none, and none is needed to start' : found.join(', '));
}

/** @param {Settings} settings @returns {Promise<Finding>} */
export async function checkModel(settings) {
  const model = settings.get('MODEL')?.value;
  const named = model === undefined ? '' : `, ${model} by default`;
  if (settings.has('OPENAI_BASE_URL')) {
    const found = await checkNamedService({ area: 'model', variable: 'OPENAI_BASE_URL', settings });
    return found.state === 'fine' ? fine('model', found.text + named) : found;
  }
  const providers = [
    ...(settings.has('OPENAI_API_KEY') ? ['OpenAI'] : []),
    ...(settings.has('ANTHROPIC_API_KEY') ? ['Anthropic'] : []),
  ];
  return providers.length > 0
    ? fine('model', providers.join(' and ') + named)
    : weak(
        'model',
        'the scripted one, which only plays: set OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENAI_BASE_URL',
      );
}
