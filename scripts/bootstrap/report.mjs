// @ts-check
/** @param {string} line */
export function say(line) {
  process.stdout.write(`${line}\n`);
}

/**
 * Runs one step and prints a line with its time once it has ended well.
 * @template Result
 * @param {string} title
 * @param {() => Promise<Result>} action
 * @returns {Promise<Result>}
 */
export async function step(title, action) {
  const startedAt = Date.now();
  const result = await action();
  say(`  ${title.padEnd(44)} ${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s`);
  return result;
}
