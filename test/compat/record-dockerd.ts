/** Writes down what Debian's dockerd does in the scenarios, all or the named: `bun test/compat/record-dockerd.ts [name…]`. */
import { startDockerd } from '../../bench/peers.ts';
import { expectationsOf, pathOf } from './dockerd/expectations.ts';
import { scenarios } from './dockerd/scenarios.ts';
import { Stage } from './dockerd/stage.ts';

const chosen = process.argv.slice(2);
await using dockerd = await startDockerd();
if (dockerd === undefined) throw new Error('dockerd is not installed');
using stage = new Stage(dockerd.socket, Bun.which('docker') ?? 'docker');
for (const [file, list] of Object.entries(scenarios)) {
  const recorded = await expectationsOf(file);
  const texts: string[] = [];
  for (const scenario of list) {
    const known = chosen.length === 0 || chosen.includes(scenario.name) ? undefined : recorded[scenario.name];
    const outcomes = known ?? (await stage.play(scenario));
    const lines = outcomes.map((outcome) => JSON.stringify(outcome));
    texts.push(`${JSON.stringify(scenario.name)}:[\n${lines.join(',\n')}]`);
  }
  await Bun.write(pathOf(file), `{${texts.join(',\n')}}\n`);
}
