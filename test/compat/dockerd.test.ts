import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { TestDaemon } from '../fixtures/test-daemon.ts';
import { asDocker28, comparable, expectedOutcome, ownOutcomes } from './dockerd/compare.ts';
import { expectationsOf } from './dockerd/expectations.ts';
import { type Outcome, stepOf } from './dockerd/scenario.ts';
import { scenarios } from './dockerd/scenarios.ts';
import { Stage } from './dockerd/stage.ts';

/** Docker's own command line where it is installed, which is what most people come with. */
const program = Bun.which('docker') ?? join(import.meta.dir, '../../sampan');

let daemon: TestDaemon;
let stage: Stage;
beforeAll(async () => {
  daemon = await TestDaemon.start();
  stage = new Stage(daemon.socket, program);
});
afterAll(async () => {
  stage[Symbol.dispose]();
  await daemon[Symbol.asyncDispose]();
});

const recorded = new Map<string, readonly Outcome[]>();
for (const file of Object.keys(scenarios)) {
  for (const [name, outcomes] of Object.entries(await expectationsOf(file))) recorded.set(name, outcomes);
}

for (const scenario of Object.values(scenarios).flat()) {
  describe(`as dockerd does: ${scenario.name}`, () => {
    let outcomes: readonly Outcome[];
    beforeAll(async () => {
      outcomes = await stage.play(scenario);
    });
    for (const [index, { line }] of scenario.steps.map(stepOf).entries()) {
      test(line, () => {
        const dockerd = recorded.get(scenario.name)?.[index] as Outcome;
        expect(comparable(outcomes[index])).toEqual(expectedOutcome(scenario.name, line, dockerd));
      });
    }
  });
}

test('differences from dockerd are still ones, and each is of one step', () => {
  const stale = ownOutcomes.filter(({ scenario, line, expected }) => {
    const all = Object.values(scenarios).flat();
    const lines = all.find(({ name }) => name === scenario)?.steps.map((step) => stepOf(step).line) ?? [];
    const dockerd = recorded.get(scenario)?.[lines.indexOf(line)];
    return (
      lines.indexOf(line) < 0 ||
      lines.indexOf(line) !== lines.lastIndexOf(line) ||
      Bun.deepEquals(asDocker28(dockerd as Outcome), expected)
    );
  });
  expect(stale).toEqual([]);
});
