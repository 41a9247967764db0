/**
 * The address of a link that a stranger's text may lead to, normalised; null for everything but absolute http, https and
 * mailto. The browser's own parser decides, so that tabs, control characters and cases cannot hide another scheme.
 */
export function safeLink(text: string): string | null {
  const url = URL.parse(text.trim());
  if (url === null) return null;
  switch (url.protocol) {
    case 'http:':
    case 'https:':
      // A name before the host is there to deceive.
      return url.username === '' && url.password === '' ? url.href : null;
    case 'mailto:':
      return url.href;
    default:
      return null;
  }
}
