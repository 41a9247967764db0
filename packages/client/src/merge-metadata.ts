/**
 * Lays later metadata over earlier: members of objects are merged at every depth, everything else (lists too) is
 * replaced, what is undefined changes nothing. Neither argument is changed.
 */
export function mergeMetadata<Metadata extends object>(earlier: Metadata, later: object): Metadata {
  const merged = { ...earlier } as Record<string, unknown>;
  for (const [key, value] of Object.entries(later)) {
    // Data from a server must not reach a prototype.
    if (value === undefined || key === '__proto__' || key === 'constructor' || key === 'prototype') continue;
    const before = merged[key];
    merged[key] = isPlain(before) && isPlain(value) ? mergeMetadata(before, value) : value;
  }
  return merged as Metadata;
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
