/**
 * Writes down what Sampan makes of the cases where that is not what dockerd makes of them: `bun test/compat/build/own.ts`. A case that is new
 * among them gets the reason "?", which is no reason until somebody has looked at it.
 */
import { TestDaemon } from '../../fixtures/test-daemon.ts';
import { buildersOf, topics } from './cases.ts';
import { ownOutcomes } from './differences.ts';
import { outcomesPath, recordedOutcomes } from './outcome.ts';
import { openOwnStage, play } from './play.ts';
import { serveRemote } from './remote.ts';

using _remote = serveRemote();
await using daemon = await TestDaemon.start();
const stage = await openOwnStage(daemon.socket);
const lines: string[] = [];
for (const [topic, cases] of Object.entries(topics)) {
  const recorded = recordedOutcomes(topic);
  for (const [name, what] of Object.entries(cases)) {
    for (const builder of buildersOf(what)) {
      const outcome = await play(stage, builder, what);
      if (Bun.deepEquals(outcome, recorded[`${name}, ${builder}`])) continue;
      const id = `${topic}: ${name}, ${builder}`;
      const reason = ownOutcomes[id]?.reason ?? '?';
      lines.push(`${JSON.stringify(id)}: ${JSON.stringify({ reason, outcome })}`);
    }
  }
}
await Bun.write(outcomesPath('own'), `{\n${lines.join(',\n')}\n}\n`);
console.log(`${lines.length} are not as dockerd has them`);
