/** Applies the migrations that the database lacks, in order, one process at a time; answers their file names. */
export async function migrate(_options: {
  readonly url: string;
  readonly log?: (line: string) => void;
}): Promise<string[]> {
  throw new Error('not built yet');
}
