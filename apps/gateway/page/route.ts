/** Where in the page somebody is; the address bar is the truth, so that a reload or a link leads there again. */
export type Route = { readonly name: 'home' } | { readonly name: 'thread'; readonly threadId: string };

/** The route that a fragment names; an unknown one is the beginning. */
export function routeOf(hash: string): Route {
  const threadId = /^#\/t\/([A-Za-z0-9_-]{1,128})$/.exec(hash)?.[1];
  return threadId === undefined ? { name: 'home' } : { name: 'thread', threadId };
}

export function hashOf(route: Route): string {
  switch (route.name) {
    case 'home':
      return '#/';
    case 'thread':
      return `#/t/${route.threadId}`;
  }
}

/** Goes to a route; with `replace` the one before is not kept in the history. */
export function goTo(route: Route, { replace = false } = {}): void {
  if (location.hash === hashOf(route)) return;
  if (replace) location.replace(hashOf(route));
  else location.assign(hashOf(route));
}
