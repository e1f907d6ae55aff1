import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { TarEntry } from '../../src/oci/tar/entry.ts';
import { TarReader } from '../../src/oci/tar/reader.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../src/oci/tar/writer.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';
import { cases } from './files/cases.ts';
import { differences } from './files/differences.ts';
import outcomes from './files/outcomes.json';
import { play } from './files/play.ts';

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

describe('on dockerd and here', () => {
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

function archiveUrl(container: string, path: string): string {
  return `http://d/containers/${container}/archive?path=${path}`;
}

async function put(
  container: string,
  path: string,
  ...members: readonly [TarHeader, string?][]
): Promise<number> {
  const blocks = members.flatMap(([header, text = '']) => {
    const data = Buffer.from(text);
    return [formatTarHeader({ mode: 0o644, size: data.length, ...header }), data, tarPadding(data.length)];
  });
  const body = Buffer.concat([...blocks, tarEnd]);
  const answer = await fetch(archiveUrl(container, path), { method: 'PUT', unix: daemon.socket, body });
  await answer.text();
  return answer.status;
}

async function get(container: string, path: string): Promise<TarEntry[]> {
  const answer = await fetch(archiveUrl(container, path), { unix: daemon.socket });
  expect(answer.status).toBe(200);
  const reader = new TarReader();
  const events = [...reader.feed(new Uint8Array(await answer.arrayBuffer()))];
  return events.filter((event): event is TarEntry => !(event instanceof Uint8Array));
}

async function statusOf(container: string): Promise<string> {
  return (await daemon.request('GET', `/containers/${container}/json`)).body.State.Status;
}

/** What dockerd does otherwise, or what its command line does not show. */
describe('here', () => {
  beforeAll(() => {
    daemon.sampan(
      'run',
      '-d',
      '--name',
      'live',
      '--tmpfs',
      '/mem',
      'busybox',
      'sh',
      '-c',
      'ln -s /proc/sys /orders; sleep 100000',
    );
  });

  afterAll(() => {
    daemon.sampan('rm', '-f', 'live');
  });

  test('memory filesystems of a running container are read and written', async () => {
    expect(await put('live', '/mem', [{ type: 'file', name: 'in' }, 'x'])).toBe(200);
    expect(daemon.sampan('exec', 'live', 'cat', '/mem/in')).toBe('x');
    daemon.sampan('exec', 'live', 'sh', '-c', 'echo y >/mem/out; echo z >/dev/shm/out');
    expect((await get('live', '/mem')).map(({ name }) => name)).toEqual(['mem/', 'mem/in', 'mem/out']);
    expect((await get('live', '/dev/shm')).map(({ name }) => name)).toEqual(['shm/', 'shm/out']);
    expect((await get('live', '/')).map(({ name }) => name)).toContain('/mem/out');
  });

  test('nothing is written where the kernel takes orders', async () => {
    const order: [TarHeader, string] = [{ type: 'file', name: 'hostname' }, 'changed'];
    for (const path of ['/proc', '/proc/sys/kernel', '/sys', '/orders', '/orders/kernel']) {
      expect(await put('live', path, order)).toBe(403);
    }
    const through: [TarHeader, string] = [{ type: 'file', name: 'orders/kernel/hostname' }, 'changed'];
    expect(await put('live', '/', through)).toBe(403);
    expect(daemon.sampan('exec', 'live', 'hostname')).not.toBe('changed');
  });

  test('attributes and times go in, through a commit, and out again', async () => {
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
    const xattrs = new Map([
      ['user.note', Buffer.from('x')],
      ['security.capability', capability],
      ['trusted.overlay.opaque', Buffer.from('y')],
    ]);
    const header: TarHeader = {
      type: 'file',
      name: 'f',
      mode: 0o4751,
      uid: 7,
      gid: 8,
      seconds: 1_234_567_890,
      xattrs,
    };
    expect(
      await put('live', '/root', [header, 'data'], [{ type: 'hardlink', name: 'g', linkName: 'f', size: 0 }]),
    ).toBe(200);
    daemon.sampan('commit', 'live', 'kept');
    daemon.sampan('create', '--name', 'copy', 'kept');
    for (const container of ['live', 'copy']) {
      const [, f, g] = await get(container, '/root');
      expect(f).toMatchObject({
        name: 'root/f',
        mode: 0o4751,
        uid: 7,
        gid: 8,
        size: 4,
        seconds: 1_234_567_890,
      });
      expect(
        [...(f?.xattrs ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('hex')]).sort(),
      ).toEqual([
        ['security.capability', capability.toString('hex')],
        ['user.note', '78'],
      ]);
      expect(g).toMatchObject({ type: 'hardlink', name: 'root/g', linkName: 'root/f' });
    }
    daemon.sampan('rm', 'copy');
    daemon.sampan('rmi', 'kept');
  });

  test('a commit whose client has gone lets the container go on', async () => {
    daemon.sampan('exec', 'live', 'sh', '-c', 'head -c 100000000 /dev/urandom >/large');
    const controller = new AbortController();
    const url = 'http://d/commit?container=live&repo=given-up';
    const committing = fetch(url, { method: 'POST', unix: daemon.socket, signal: controller.signal });
    while ((await statusOf('live')) !== 'paused');
    controller.abort();
    await expect(committing).rejects.toThrow();
    while ((await statusOf('live')) === 'paused');
    expect(await statusOf('live')).toBe('running');
  });

  test('a copy that has begun ends, though the container is removed', async () => {
    const answer = await fetch(archiveUrl('live', '/large'), { unix: daemon.socket });
    daemon.sampan('rm', '-f', 'live');
    const bytes = (await answer.arrayBuffer()).byteLength;
    expect(bytes).toBeGreaterThan(100_000_000);
    daemon.sampan('run', '-d', '--name', 'live', 'busybox', 'sleep', '100000');
  });
});
