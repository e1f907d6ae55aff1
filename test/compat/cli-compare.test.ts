import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync } from 'node:fs';
import { caseKey, cliCases, helpPages } from './cli-cases.ts';
import {
  docker,
  normalise,
  type Outcome,
  prepareFolder,
  removeFolder,
  runCase,
  sampan,
} from './cli-runner.ts';
import recorded from './fixtures/data/cli-expectations.json' with { type: 'json' };
import { added, layoutOf } from './help-layout.ts';

/** What docker 28.2.2 did; `record-cli.ts` writes it down. */
const outcomes = recorded.outcomes as unknown as Readonly<Record<string, Outcome>>;
const help = recorded.help as Readonly<Record<string, string>>;

const dir = mkdtempSync('/tmp/cli-cases-');
const socket = `${dir}.sock`;
prepareFolder(dir);
afterAll(() => removeFolder(dir));

describe('the command line does what docker does', () => {
  for (const one of cliCases) {
    test(one.stdin === undefined ? one.line : `${one.line} < ${JSON.stringify(one.stdin)}`, async () => {
      const expected = outcomes[caseKey(one)];
      const actual = normalise(await runCase(sampan, one, dir, socket), one, dir, socket);
      expect(actual).toEqual(expected as Outcome);
    });
  }
});

describe('help pages are laid out as docker lays them out', () => {
  for (const page of helpPages) {
    test(page, async () => {
      const { stdout, exitCode } = await runCase(sampan, { line: `${page} --help` }, dir, socket);
      expect({ layout: layoutOf(stdout, added[page]), exitCode }).toEqual({
        layout: help[page] ?? '',
        exitCode: 0,
      });
    });
  }
});

/** A sample: all of them take their time. */
const sampled = cliCases.filter((_, index) => index % 12 === 0);

test('what is recorded is what docker 28 does, where it is installed', async () => {
  const isInstalled = Bun.which('docker') !== null && (await dockerVersion()) === '28.2.2';
  for (const one of isInstalled ? sampled : []) {
    const seen = normalise(await runCase(docker, one, dir, socket), one, dir, socket);
    expect(seen).toEqual(outcomes[caseKey(one)] as Outcome);
  }
}, 60_000);

async function dockerVersion(): Promise<string | undefined> {
  const text = await new Response(Bun.spawn(['docker', '--version']).stdout).text();
  return /version ([\d.]+)/.exec(text)?.[1];
}
