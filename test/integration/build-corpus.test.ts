import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { buildersOf, topics } from '../compat/build/cases.ts';
import { ownOutcomes, reasons } from '../compat/build/differences.ts';
import { recordedOutcomes } from '../compat/build/outcome.ts';
import { openOwnStage, play, type Stage } from '../compat/build/play.ts';
import { serveRemote } from '../compat/build/remote.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** Builds of all kinds, compared with what Debian's newest dockerd made of them with both of its builders. */
let daemon: TestDaemon;
let stage: Stage;
let remote: Disposable;

beforeAll(async () => {
  remote = serveRemote();
  daemon = await TestDaemon.start();
  stage = await openOwnStage(daemon.socket);
});
afterAll(async () => {
  remote[Symbol.dispose]();
  await daemon[Symbol.asyncDispose]();
});

const known = new Set<string>();

for (const [topic, cases] of Object.entries(topics)) {
  const outcomes = recordedOutcomes(topic);
  const builds = Object.entries(cases).flatMap(([name, what]) =>
    buildersOf(what).map((builder) => ({ name: `${name}, ${builder}`, builder, what })),
  );
  describe(topic, () => {
    test('was recorded for these cases', () => {
      expect(Object.keys(outcomes)).toEqual(builds.map(({ name }) => name));
    });

    for (const { name, builder, what } of builds) {
      const own = ownOutcomes[`${topic}: ${name}`];
      known.add(`${topic}: ${name}`);
      test(own === undefined ? name : `${name}, otherwise than dockerd`, async () => {
        expect(await play(stage, builder, what)).toEqual(own?.outcome ?? outcomes[name] ?? never(name));
      });
      if (own === undefined) continue;
      test(`${name}: the reason is one`, () => {
        expect(Object.keys(reasons)).toContain(own.reason);
        expect(outcomes[name]).not.toEqual(own.outcome);
      });
    }
  });
}

test('what is done otherwise is a case, and every reason has one', () => {
  expect(Object.keys(ownOutcomes).filter((name) => !known.has(name))).toEqual([]);
  const used = new Set(Object.values(ownOutcomes).map(({ reason }) => reason));
  expect(Object.keys(reasons).filter((reason) => ![...used].some((each) => each === reason))).toEqual([]);
});

function never(name: string): never {
  throw new Error(`${name} was not recorded`);
}
