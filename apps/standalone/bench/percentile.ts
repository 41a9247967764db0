/** The p-th percentile (0 to 100) by nearest rank; NaN of nothing. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)] ?? NaN;
}

/** `1.23 / 4.56`: p50 and p99, in the unit of the values. */
export function spread(values: readonly number[]): string {
  return `${round(percentile(values, 50))} / ${round(percentile(values, 99))}`;
}

/** Two digits that matter for small numbers, none after the point for large ones. */
export function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}
