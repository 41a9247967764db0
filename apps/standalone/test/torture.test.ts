import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodeOf, summaryOf } from '../torture/report.ts';
import { torture } from '../torture/torture.ts';
import { startLyingGateway } from './lying-gateway.ts';

const main = path.resolve(import.meta.dirname, '../torture/main.ts');

describe('npm run torture', () => {
  it('harms a fleet for half a minute, and finds nothing lost, repeated, run twice, paid twice or stuck', async () => {
    const child = spawn(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      main,
      '--minutes',
      '0.5',
      '--seed',
      '4',
    ]);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)));
    const [code] = (await once(child, 'close')) as [number | null];
    process.stdout.write(`${output.slice(output.indexOf('\nseed'))}\n`);
    expect(output).toMatch(/^seed +4$/m);
    for (const name of [
      'lost',
      'repeated',
      'tools run twice',
      'steps paid twice',
      'stuck',
      'otherwise wrong',
    ])
      expect(output).toMatch(new RegExp(`^${name} +0$`, 'm'));
    for (const name of ['runs', 'workers killed', 'disconnects', 'events seen'])
      expect(output).toMatch(new RegExp(`^${name} +[1-9]`, 'm'));
    expect(code, output).toBe(0);
  }, 400_000);

  it('fails where a gateway leaves out events and shows others twice', async () => {
    let gatewayUrl = '';
    const liar = await startLyingGateway(() => gatewayUrl);
    try {
      const report = await torture({
        ms: 5000,
        seed: 5,
        say: () => undefined,
        urls(fleet) {
          gatewayUrl = fleet.url;
          return [liar.url];
        },
      });
      expect(exitCodeOf(report)).toBe(1);
      const summary = summaryOf(report);
      for (const name of ['lost', 'repeated'])
        expect(summary).toContainEqual(expect.stringMatching(new RegExp(`^${name} +[1-9]`)));
    } finally {
      await liar.stop();
    }
  }, 300_000);

  it('fails where runs do not end in the time that they have', async () => {
    const lines: string[] = [];
    const report = await torture({ ms: 1000, seed: 6, stuckMs: 1, say: (line) => lines.push(line) });
    expect(exitCodeOf(report)).toBe(1);
    expect(summaryOf(report)).toContainEqual(expect.stringMatching(/^stuck +[1-9]/));
    expect(lines).toContainEqual(expect.stringMatching(/^VIOLATION \(stuck\) run [-0-9a-f]{36}/));
  }, 300_000);
});
