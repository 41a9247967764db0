/**
 * Waits for a promise no longer than `timeoutMs`; then throws an Error that names `what`. The promise itself goes on:
 * what it holds must end by other means.
 */
export async function withDeadline<Value>(
  promise: Promise<Value>,
  { timeoutMs, what }: { readonly timeoutMs: number; readonly what: string },
): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} took longer than ${timeoutMs} ms.`)), timeoutMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
