import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildersOf, topics } from '../compat/build/cases.ts';
import { type Difference, differences } from '../compat/build/differences.ts';
import type { Outcome, Outcomes } from '../compat/build/outcome.ts';
import { openStage, play, type Stage } from '../compat/build/play.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

const sampan = join(import.meta.dir, '../../sampan');
const used = new Set<Difference>();

let daemon: TestDaemon;
let stage: Stage;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  const host = `unix://${daemon.socket}`;
  stage = await openStage({
    socket: daemon.socket,
    environment: { DOCKER_HOST: host, SAMPAN_HOST: host },
    commands: { classic: ['docker', 'build'], buildkit: [sampan, 'build', '--progress', 'plain'] },
  });
});
afterAll(() => daemon[Symbol.asyncDispose]());

for (const [topic, cases] of Object.entries(topics)) {
  const path = join(import.meta.dir, `../compat/build/outcomes/${topic}.json`);
  const outcomes: Outcomes = JSON.parse(readFileSync(path, 'utf8'));
  describe(topic, () => {
    test('was recorded for these cases', () => {
      const names = Object.entries(cases).flatMap(([name, what]) =>
        buildersOf(what).map((one) => `${name}, ${one}`),
      );
      expect(Object.keys(outcomes)).toEqual(names);
    });

    for (const [name, what] of Object.entries(cases)) {
      for (const builder of buildersOf(what)) {
        test(`${name}, ${builder}`, async () => {
          const outcome = outcomes[`${name}, ${builder}`];
          if (outcome === undefined) throw new Error('it was not recorded');
          expect(await play(stage, builder, what)).toEqual(
            expected(`${topic}: ${name}, ${builder}`, outcome),
          );
        });
      }
    }
  });
}

describe('the differences', () => {
  test('all have a reason that is still there', () => {
    expect(differences.filter((difference) => !used.has(difference))).toEqual([]);
  });
});

/** What dockerd does, with what is done otherwise on purpose. */
function expected(name: string, outcome: Outcome): Outcome {
  let result = outcome;
  for (const difference of differences) {
    if (!difference.in.test(name)) continue;
    const changed = difference.here(result);
    if (!Bun.deepEquals(changed, result)) used.add(difference);
    result = changed;
  }
  return result;
}
