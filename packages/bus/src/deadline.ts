import { AppError } from '@switchyard/protocol';

/** How long one question to Redis may take before the asker is told that it is down (a guess: far above any p99). */
export const answerWithinMs = 3000;

/**
 * The promise's outcome, or AppError `unavailable` when it fails or takes longer. What was asked may still happen later:
 * only for questions whose late effect is harmless.
 */
export async function answered<Value>(promise: Promise<Value>, ms: number = answerWithinMs): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${ms} ms.`)), ms);
  });
  try {
    return await Promise.race([promise, deadline]);
  } catch (cause) {
    throw new AppError('unavailable', 'The queue and stream service does not answer.', { cause });
  } finally {
    clearTimeout(timer);
  }
}
