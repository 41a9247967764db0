/** An expected failure of the launcher; its message is one clear line with what to do, and all that is shown. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';
}

/**
 * What a part said when it could not start, as one clear line. Errors of a class of their own (TypeError and its like)
 * are bugs and stay what they are.
 */
export function asLaunchError(error: unknown, prefix = ''): unknown {
  if (!(error instanceof Error) || error instanceof LaunchError) return error;
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError)
    return error;
  return new LaunchError(`${prefix}${error.message}`, { cause: error });
}
