import { afterAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackFiles } from '../../src/cli/copy/unpack.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../src/oci/tar/writer.ts';
import { startFakeDaemon } from '../compat/fake-daemon.ts';

/**
 * What a container, or a daemon that is not ours, sends to `cp` may be made up: nothing of it is written outside the destination
 * (CVE-2018-15664, CVE-2019-14271, CVE-2024-45310 are of this kind).
 */

const program = join(import.meta.dir, '../../sampan');
const home = mkdtempSync(join(tmpdir(), 'copy-out-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

type Member = TarHeader & { readonly text?: string };

const file = (name: string): Member => ({ type: 'file', name, mode: 0o666, size: 4, text: 'evil' });
const link = (name: string, linkName: string): Member => ({ type: 'symlink', name, linkName, mode: 0o777 });
const hardLink = (name: string, linkName: string): Member => ({
  type: 'hardlink',
  name,
  linkName,
  mode: 0o666,
});
const directory = (name: string): Member => ({ type: 'directory', name, mode: 0o777 });

function tarOf(members: readonly Member[]): Buffer {
  const blocks = members.flatMap((member) => {
    const text = Buffer.from(member.text ?? '');
    return [formatTarHeader(member), text, tarPadding(text.length)];
  });
  return Buffer.concat([...blocks, tarEnd]);
}

let counter = 0;

/** A folder to copy to, beside one that must stay as it is. */
function places(): { readonly base: string; readonly into: string; readonly outside: string } {
  const base = join(home, String(counter++));
  const [into, outside] = [join(base, 'into'), join(base, 'outside')];
  mkdirSync(into, { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, 'victim'), 'untouched', { mode: 0o600 });
  return { base, into, outside };
}

function expectUntouched({ base, outside }: { readonly base: string; readonly outside: string }): void {
  expect(readdirSync(base).sort()).toEqual(['into', 'outside']);
  expect(readdirSync(outside)).toEqual(['victim']);
  expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('untouched');
}

const GO_DIRECTORY = 2 ** 31;

/** Runs the command line against a daemon that answers with this archive. */
async function copy(archive: Uint8Array, ...line: string[]): Promise<{ status: number; stderr: string }> {
  const stat = {
    name: 'd',
    size: 0,
    mode: GO_DIRECTORY + 0o755,
    mtime: '2025-05-30T12:07:14Z',
    linkTarget: '',
  };
  const socket = join(home, `${counter++}.sock`);
  const daemon = await startFakeDaemon(socket, () => ({
    stream: archive,
    headers: {
      'Content-Type': 'application/x-tar',
      'X-Docker-Container-Path-Stat': Buffer.from(JSON.stringify(stat)).toString('base64'),
    },
  }));
  try {
    const child = Bun.spawn([program, '-H', `unix://${socket}`, 'cp', ...line], {
      stdout: 'pipe',
      stderr: 'pipe',
    });
    const [stderr, status] = await Promise.all([new Response(child.stderr).text(), child.exited]);
    return { status, stderr };
  } finally {
    await daemon.close();
  }
}

describe('an archive that is sent to cp writes nothing outside by', () => {
  const attacks: readonly (readonly [string, (outside: string) => readonly Member[]])[] = [
    ['names that climb', () => [directory('d/'), file('d/../../outside/x')]],
    ['names that climb out of the renamed top', () => [directory('d/'), file('../outside/x')]],
    ['a link as its top', (outside) => [link('d', outside), file('d/x')]],
    ['a link in it', (outside) => [directory('d/'), link('d/l', outside), file('d/l/x')]],
    [
      'a link over its own directory',
      (outside) => [directory('d/'), directory('d/s/'), link('d/s', outside), file('d/s/x')],
    ],
    [
      'a hard link to a file outside',
      (outside) => [
        directory('d/'),
        hardLink('d/h', `../../outside/victim`),
        hardLink('d/h', `${outside}/victim`),
        file('d/h'),
      ],
    ],
    [
      'a hard link through a link',
      (outside) => [directory('d/'), link('d/l', outside), hardLink('d/h', 'd/l/victim'), file('d/h')],
    ],
    [
      'a hard link to a link',
      (outside) => [
        directory('d/'),
        link('d/l', `${outside}/victim`),
        hardLink('d/h', 'd/l'),
        file('d/h'),
        file('d/l'),
      ],
    ],
    ['another top than was asked for', () => [directory('other/'), file('other/../../outside/x')]],
  ];

  test.each(attacks)('%s', async (_, membersFor) => {
    const place = places();
    const archive = tarOf(membersFor(place.outside));
    await copy(archive, 'web:/d', join(place.into, 'new'));
    await copy(archive, 'web:/d', place.into);
    await copy(archive, '-a', 'web:/d/.', place.into);
    expectUntouched(place);
  });
});

test('what cp says of a hostile name cannot steer the terminal', async () => {
  const { into } = places();
  const { status, stderr } = await copy(tarOf([file('\x1b]0;title\x07/../..')]), 'web:/d', into);
  expect(status).toBe(1);
  expect(stderr).toContain('\\u001b]0;title\\u0007');
  expect(stderr).not.toContain('\x1b');
});

test('directories of the destination that somebody swaps for links all the time lead nowhere else', async () => {
  const place = places();
  const { into, outside } = place;
  mkdirSync(join(into, 'd'));
  const script = 'while :; do mv d real && ln -s "$1" d && rm d && mv real d; done 2>/dev/null';
  const swapper = Bun.spawn(['sh', '-c', script, 'sh', outside], { cwd: into });
  const archive = tarOf([
    directory('d/'),
    file('d/x'),
    directory('d/s/'),
    file('d/s/y'),
    hardLink('d/h', 'd/x'),
  ]);
  async function* once(): AsyncGenerator<Uint8Array> {
    yield archive;
  }
  try {
    for (let round = 0; round < 1000; round++) {
      // Most rounds meet a link, which is refused.
      await unpackFiles(once(), into, { rename: (name) => name, keepOwners: true }).catch(() => {});
    }
  } finally {
    swapper.kill();
    await swapper.exited;
  }
  expectUntouched(place);
});
