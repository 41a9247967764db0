export type Report = (line: string) => void;

/** Runs one step of the start and tells its time once it has ended well. */
export async function step<Result>(
  report: Report,
  title: string,
  action: () => Promise<Result>,
): Promise<Result> {
  const startedAt = performance.now();
  const result = await action();
  report(`  ${title.padEnd(44)} ${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s`);
  return result;
}
