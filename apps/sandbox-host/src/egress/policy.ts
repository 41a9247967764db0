import { isIP } from 'node:net';

/** Where a sandbox may connect to, apart from what no sandbox may. */
export interface EgressPolicy {
  /**
   * Names that may be reached, each with its subdomains when it begins with `*.`; null: all of the public internet.
   * With a list an address that is not named by a name is refused, and no other name is ever resolved.
   */
  readonly allowedDomains: readonly string[] | null;
}

/** Mail and name servers: what a stranger's program needs of them is only to send spam or to smuggle data out. */
const refusedPorts = [25, 53, 465, 587, 853];

const domainPattern = /^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

/** The names of a list with commas, in lower case; null when one of them is none. */
export function parseDomains(list: string): readonly string[] | null {
  const domains = list.split(',').flatMap((text) => {
    const domain = text.trim().toLowerCase().replace(/\.$/, '');
    return domain === '' ? [] : [domain];
  });
  return domains.every((domain) => domainPattern.test(domain) && isIP(domain) === 0) ? domains : null;
}

/** Whether a host, as a URL has it, is on the list. */
export function isAllowedHost(host: string, { allowedDomains }: EgressPolicy): boolean {
  if (allowedDomains === null) return true;
  const name = host.toLowerCase().replace(/\.$/, '');
  return allowedDomains.some((domain) =>
    domain.startsWith('*.') ? name.endsWith(domain.slice(1)) : name === domain,
  );
}

/** What both allow; a list of `*.` names and names of one is compared by its own names. */
export function narrowPolicy(outer: EgressPolicy, inner: EgressPolicy): EgressPolicy {
  if (inner.allowedDomains === null) return outer;
  return {
    allowedDomains: inner.allowedDomains.filter((domain) =>
      isAllowedHost(domain.replace(/^\*\./, 'x.'), outer),
    ),
  };
}

/** Where a request wants to go: a name or an address without brackets, and a port. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port` of CONNECT; null when it is none. */
export function parseAuthority(authority: string): Target | null {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]\\]+):(\d{1,5})$/i.exec(authority) ?? [];
  if (host === undefined || port === undefined) return null;
  const url = URL.parse(`http://${host}/`);
  return url && url.hostname !== '' ? { host: withoutBrackets(url.hostname), port: Number(port) } : null;
}

/** Reads the absolute URL of a plain request; null when it is none of `http:`. */
export function parseRequestUrl(text: string): { readonly target: Target; readonly url: URL } | null {
  const url = URL.parse(text);
  if (!url || url.protocol !== 'http:' || url.hostname === '') return null;
  return { target: { host: withoutBrackets(url.hostname), port: Number(url.port || '80') }, url };
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

export function isAllowedPort(port: number): boolean {
  return port > 0 && port < 65_536 && !refusedPorts.includes(port);
}
