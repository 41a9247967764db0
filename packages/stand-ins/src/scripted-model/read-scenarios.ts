import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { type Scenario, scenarioSchema } from './scenario.ts';

/**
 * Reads a folder of scenario files: `greeting.json` becomes the scenario `greeting`, in the order of the names. Throws an
 * Error that names the file for one that is no scenario.
 */
export async function readScenarios(folder: string): Promise<Record<string, Scenario>> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).toSorted();
  const scenarios: Record<string, Scenario> = {};
  for (const name of names) {
    scenarios[path.basename(name, '.json')] = parseScenario(
      name,
      await readFile(path.join(folder, name), 'utf8'),
    );
  }
  return scenarios;
}

function parseScenario(name: string, text: string): Scenario {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${name} is not JSON.`, { cause });
  }
  const parsed = scenarioSchema.safeParse(value);
  if (!parsed.success) throw new Error(`${name} is no scenario:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
