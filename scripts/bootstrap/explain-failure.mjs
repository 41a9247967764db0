// @ts-check
import { Failure } from './failure.mjs';

/** What npm and pnpm print, and what their user can do about it. */
const known = [
  {
    pattern:
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|error sending request/i,
    text: 'the npm registry cannot be reached. Check the network and the proxy (npm config get proxy, registry), then try again',
  },
  {
    pattern: /CERT_|_CERT|certificate/i,
    text: "the npm registry's certificate is not trusted here. Name your proxy's: npm config set cafile PATH, NODE_EXTRA_CA_CERTS=PATH",
  },
  {
    pattern: /ENOSPC|no space left/i,
    text: 'the disk is full. Make room (about 1 GB is needed), then try again',
  },
  { pattern: /EACCES|EPERM|permission denied/i, text: 'a file or folder may not be written to' },
  {
    pattern: /OUTDATED_LOCKFILE/i,
    text: 'pnpm-lock.yaml does not fit a package.json. Run pnpm install and commit the lockfile',
  },
  {
    pattern: /E40[134]\b|40[134] (Unauthorized|Forbidden|Not Found)/i,
    text: 'the npm registry refuses a package. Check npm config get registry',
  },
];

/**
 * Turns the output of a failed install into one line that says what to do.
 * @param {string} program
 * @param {{ readonly exitCode: number | null, readonly output: string }} result `exitCode` null: it took too long
 * @returns {Failure}
 */
export function explainFailure(program, { exitCode, output }) {
  const cause = known.find(({ pattern }) => pattern.test(output));
  const firstError = /^(?:npm (?:error|ERR!)|\s*ERR_PNPM_\S+|error:?)\s+(?!code )(.+)$/im
    .exec(output)?.[1]
    ?.trim();
  const reason =
    cause?.text ??
    (exitCode === null ? 'it took too long' : (firstError ?? `it ended with exit code ${exitCode}`));
  return new Failure(`${program} could not install: ${reason}. Its whole output: .cache/bootstrap.log`);
}
