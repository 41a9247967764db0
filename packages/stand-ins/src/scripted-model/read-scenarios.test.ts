import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readScenarios } from './read-scenarios.ts';

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-scenarios-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(path.join(folder, name), text)));
  return folder;
}

const answer = JSON.stringify({ turns: [{ steps: [{ text: 'Hello' }] }] });

test('every JSON file of a folder is a scenario of its name', async () => {
  const folder = await folderWith({ 'b.json': answer, 'a.json': answer, 'notes.txt': 'no scenario' });
  const scenarios = await readScenarios(folder);
  expect(Object.keys(scenarios)).toEqual(['a', 'b']);
  expect(scenarios['a']?.turns[0]?.steps).toEqual([{ text: 'Hello' }]);
});

test('a file that is no scenario is named with what is wrong', async () => {
  await expect(readScenarios(await folderWith({ 'broken.json': '{' }))).rejects.toThrow(
    'broken.json is not JSON',
  );
  const wrong = await folderWith({ 'wrong.json': JSON.stringify({ turns: [{ steps: [{ shout: 'x' }] }] }) });
  await expect(readScenarios(wrong)).rejects.toThrow(/wrong\.json is no scenario[^]*steps/);
});
