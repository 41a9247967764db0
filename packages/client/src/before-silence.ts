/** Rejects when nothing comes for too long, and when `ended` is aborted, whatever becomes of the promise. */
export async function beforeSilence<Value>(
  promise: Promise<Value>,
  { silenceMs, ended }: { readonly silenceMs: number; readonly ended: AbortSignal },
): Promise<Value> {
  const stopped = Promise.withResolvers<never>();
  const timer = setTimeout(() => stopped.reject(new Error('The server fell silent.')), silenceMs);
  const abort = () => stopped.reject(ended.reason);
  if (ended.aborted) abort();
  else ended.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, stopped.promise]);
  } finally {
    clearTimeout(timer);
    ended.removeEventListener('abort', abort);
  }
}
