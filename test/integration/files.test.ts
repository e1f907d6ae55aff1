import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { TestDaemon } from '../fixtures/test-daemon.ts';
import { cases } from './files/cases.ts';
import { differences } from './files/differences.ts';
import outcomes from './files/outcomes.json';
import { play } from './files/play.ts';

/** What the docker command line and raw requests do with containers' files, as Debian's dockerd does but for intended differences. */

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});

afterAll(() => daemon[Symbol.asyncDispose]());

const recorded: Readonly<Record<string, readonly string[]>> = outcomes;

/** What is recorded of dockerd, with what is intended to be different here. */
function expected(name: string): string[] {
  const own = differences.filter((difference) => name.startsWith(difference.in));
  const lines = recorded[name];
  if (lines === undefined)
    throw new Error(`nothing is recorded of "${name}": run test/integration/files/record.ts`);
  return lines.map((line) => own.reduce((text, { dockerd, here }) => text.replace(dockerd, here), line));
}

describe('files', () => {
  test('differences that are listed are there', () => {
    const stale = differences.filter(({ in: start, dockerd }) => {
      const lines = Object.entries(recorded)
        .filter(([name]) => name.startsWith(start))
        .flatMap(([, all]) => all);
      return !lines.some((line) => dockerd.test(line));
    });
    expect(stale).toEqual([]);
  });

  test.each(Object.entries(cases))('%s', (name, script) => {
    expect(play(daemon.socket, script)).toEqual(expected(name));
  });
});
