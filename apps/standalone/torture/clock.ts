/** Now, in milliseconds since the Unix epoch, monotonic in this process: what the model's request log goes by, too. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
