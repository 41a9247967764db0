import { writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Guess: who has a thousand reports beside each other wants no further one. */
const maxReports = 1000;

/**
 * Saves a report in a folder as report.md, or report-2.md and so on when the name is taken: nothing is ever overwritten.
 * Answers the file's path.
 */
export async function saveReport(folder: string, bytes: Uint8Array): Promise<string> {
  for (let count = 1; count <= maxReports; count += 1) {
    const file = path.join(folder, count === 1 ? 'report.md' : `report-${count}.md`);
    try {
      // `wx` fails when the file is there, also when somebody makes it at this very moment.
      await writeFile(file, bytes, { flag: 'wx' });
      return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  throw new Error(`There are ${maxReports} reports in ${folder} already.`);
}
