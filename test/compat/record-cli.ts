/** Writes down what the docker command line of this machine does: `bun test/compat/record-cli.ts`. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { caseKey, cliCases, helpPages } from './cli-cases.ts';
import { docker, normalise, type Outcome, prepareFolder, removeFolder, runCase } from './cli-runner.ts';
import { layoutOf } from './help-layout.ts';

const dir = mkdtempSync('/tmp/cli-cases-');
const socket = `${dir}.sock`;
prepareFolder(dir);
const outcomes: Record<string, Outcome> = {};
for (const one of cliCases) {
  outcomes[caseKey(one)] = normalise(await runCase(docker, one, dir, socket), one, dir, socket);
}
const help: Record<string, string> = {};
for (const page of helpPages) {
  const { stdout } = await runCase(docker, { line: `${page} --help` }, dir, socket);
  help[page] = layoutOf(stdout);
}
removeFolder(dir);
mkdirSync(`${import.meta.dir}/fixtures/data`, { recursive: true });
/** One case a line, so that a change shows as one. */
const lines = Object.entries(outcomes).map(
  ([key, outcome]) => `${JSON.stringify(key)}:${JSON.stringify(outcome)}`,
);
await Bun.write(
  `${import.meta.dir}/fixtures/data/cli-expectations.json`,
  `{"outcomes":{\n${lines.join(',\n')}\n},\n"help":${JSON.stringify(help, null, 1)}}\n`,
);
