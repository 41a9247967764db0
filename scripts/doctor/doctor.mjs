// @ts-check
import path from 'node:path';
import { cacheDirectory, dataDirectory, root, toolsDirectory } from '../bootstrap/places.mjs';
import { say } from '../bootstrap/report.mjs';
import { isFittingNode } from '../bootstrap/tool-versions.mjs';
import { isMusl } from '../bootstrap/tools.mjs';
import { checkDisk, checkMemory, checkNode, checkPackages } from './check-machine.mjs';
import { checkKeys, checkModel, checkPort, checkServices } from './check-services.mjs';
import { checkWall } from './check-wall.mjs';
import { formatFinding } from './finding.mjs';
import { readSettings } from './read-settings.mjs';

/**
 * Looks at everything that `npm start` needs, changes nothing, and says what to do. Resolves with the exit code: 1 when
 * something is wrong.
 */
export async function runDoctor() {
  const settings = readSettings({ root, environment: process.env });
  const packages = checkPackages(root);
  const version = process.versions.node;
  const node = isFittingNode(version)
    ? process.execPath
    : path.join(toolsDirectory, 'node_modules/.bin/node');
  const findings = [
    checkNode({ version, isMusl: isMusl(), toolsDirectory }),
    packages,
    checkMemory(),
    checkDisk(root),
    ...(await checkServices({ settings, cacheDirectory })),
    await checkPort({ settings, dataDirectory }),
    checkKeys(settings),
    await checkModel(settings),
    ...(await checkWall({ settings, root, node: packages.state === 'fine' ? node : null })),
  ];
  const hasColours = process.stdout.isTTY && !process.env.NO_COLOR;
  for (const finding of findings) say(formatFinding(finding, { hasColours }));
  const faults = findings.filter(({ state }) => state === 'wrong').length;
  say(faults === 0 ? '\nNothing stands in the way. Next: npm start' : `\n${faults} to mend, marked by ✗.`);
  return faults === 0 ? 0 : 1;
}
