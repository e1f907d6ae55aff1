import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';
import { writeFiles } from '../fixtures/write-files.ts';

/** Contexts of which not everything is sent for every build. */

let daemon: TestDaemon;
let home: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-large-'));
  for (let index = 0; index < 1200; index++) write(`many/d${index % 20}/f${index}`, `many ${index}`);
});
afterEach(() => rmSync(home, { recursive: true }));

function write(name: string, text: string): void {
  writeFiles(home, { [name]: text });
}

function build(dockerfile: string, ...args: readonly string[]): Outcome {
  const outcome = daemon.run('sampan', ['build', '-t', 'large', '-f', '-', ...args, home], dockerfile);
  if (outcome.status !== 0) throw new Error(`the build failed: ${outcome.stderr}`);
  return outcome;
}

const sentBytes = ({ stderr }: Outcome): string | undefined =>
  /transferring context: (\S+)/.exec(stderr)?.[1];
const inImage = (...command: readonly string[]): string =>
  daemon.run('sampan', ['run', '--rm', 'large', ...command]).stdout.trim();
const keptContexts = (): string[] => readdirSync(join(daemon.home, 'data/build/contexts'));

describe('a large context', () => {
  test('goes as far as the Dockerfile needs it, links, patterns and triggers included', () => {
    write('shared/conf/a.conf', 'a');
    write('shared/conf/b.conf', 'b');
    write('pkg/one/package.json', '{}');
    write('pkg/one/x.js', 'x');
    write('late', 'triggered');
    mkdirSync(join(home, 'etc'));
    symlinkSync('../shared/conf', join(home, 'etc/conf'));
    symlinkSync('../shared/conf/a.conf', join(home, 'etc/link.conf'));
    daemon.run('sampan', ['build', '-t', 'triggering', '-'], 'FROM busybox\nONBUILD COPY late /late\n');
    const outcome = build(`FROM triggering
COPY etc/conf/b.conf etc/l*.conf /to/
COPY --parents pkg/*/package.json /to/
COPY many/d3/f3 /to/
RUN --mount=type=bind,source=shared,target=/shared cat /shared/conf/* >/seen
`);
    expect(inImage('find', '/to', '/late', '-type', 'f').split('\n').sort()).toEqual([
      ...['/late', '/to/b.conf', '/to/f3', '/to/link.conf', '/to/pkg/one/package.json'],
    ]);
    expect(inImage('cat', '/to/link.conf', '/late', '/seen')).toBe('atriggeredab');
    expect(sentBytes(outcome)).toMatch(/kB$/);
    expect(keptContexts()).toEqual([]);
  });

  test('goes whole where all is needed, and after that by what has changed, though neither size nor time tell', () => {
    const dockerfile = 'FROM busybox\nCOPY . /to/\nRUN cat /to/many/d0/f0\n';
    build(dockerfile);
    expect(inImage('sh', '-c', 'find /to -type f | wc -l')).toBe('1200');
    expect(keptContexts()).toHaveLength(1);
    const path = join(home, 'many/d0/f0');
    utimesSync(path, 1_000_000, 1_000_000);
    build(dockerfile);
    writeFileSync(path, 'MANY 0');
    utimesSync(path, 1_000_000, 1_000_000);
    const changed = build(dockerfile);
    expect(inImage('cat', '/to/many/d0/f0')).toBe('MANY 0');
    expect(sentBytes(changed)).toMatch(/^\d(?:\.\d+)?kB$/);
    rmSync(join(home, 'many/d1'), { recursive: true });
    build(dockerfile);
    expect(inImage('sh', '-c', 'find /to -type f | wc -l')).toBe('1140');
  });

  test('says what is missing in it as a small one does', () => {
    const { stderr, status } = daemon.run(
      'sampan',
      ['build', '-f', '-', home],
      'FROM busybox\nCOPY nothing /to/\n',
    );
    expect(status).toBe(1);
    expect(stderr).toContain('"/nothing": not found');
  });
});
