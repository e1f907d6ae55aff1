import { expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { savedArchive, tar } from '../../src/images/testing/archives.ts';
import { LayoutBuilder, named } from '../../src/images/testing/layout.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { readTar } from '../../src/oci/tar/archive.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

const WRITERS = 20;
const KILLS = 50;
const CHURNERS = 4;

/** Writes 0, 1, 2, … about a hundred a second. */
const writer = ['sh', '-c', 'i=0; while :; do echo $i; i=$((i+1)); usleep 10000; done'];

/** A request that the daemon's death may cut off: undefined then. */
async function attempt(daemon: TestDaemon, method: string, path: string, body?: unknown): Promise<Json> {
  return daemon.request(method, path, body).catch(() => undefined);
}

/** Until told to stop: makes containers that end with a code that their name tells, with an exec, a stop or a removal in between. */
async function churn(daemon: TestDaemon, lane: number, stopped: () => boolean): Promise<void> {
  for (let round = 0; !stopped(); round++) {
    const code = (lane * 37 + round) % 100;
    const name = `churn-${lane}-${round}-${code}`;
    const made = await attempt(daemon, 'POST', `/containers/create?name=${name}`, {
      Image: 'busybox',
      Cmd: ['sh', '-c', `trap 'exit ${code}' TERM; usleep ${(round % 4) * 20_000}; exit ${code}`],
    });
    if (made?.status !== 201) {
      await Bun.sleep(5);
      continue;
    }
    await attempt(daemon, 'POST', `/containers/${name}/start`);
    if (round % 3 === 0) {
      const exec = await attempt(daemon, 'POST', `/containers/${name}/exec`, {
        Cmd: ['true'],
        AttachStdout: true,
      });
      if (exec?.status === 201)
        await attempt(daemon, 'POST', `/exec/${exec.body.Id}/start`, { Detach: true });
    }
    if (round % 3 === 1) await attempt(daemon, 'POST', `/containers/${name}/stop?t=1`);
    if (round % 2 === 0) await attempt(daemon, 'DELETE', `/containers/${name}?force=1`);
  }
}

test('a daemon killed 50 times loses no line, exit code, container or address', async () => {
  await using daemon = await TestDaemon.start();
  const pids = new Map<string, number>();
  for (let index = 0; index < WRITERS; index++) {
    const { body } = await daemon.request('POST', `/containers/create?name=writer-${index}`, {
      Image: 'busybox',
      Cmd: writer,
    });
    expect((await daemon.request('POST', `/containers/${body.Id}/start`)).status).toBe(204);
    pids.set(body.Id, (await daemon.request('GET', `/containers/${body.Id}/json`)).body.State.Pid);
  }

  let over = false;
  const churners = Array.from({ length: CHURNERS }, (_, lane) => churn(daemon, lane, () => over));
  for (let kill = 0; kill < KILLS; kill++) {
    await Bun.sleep(20 + Math.random() * 180);
    await daemon.stopProcess('SIGKILL');
    await daemon.startProcess();
  }
  over = true;
  await Promise.all(churners);
  await settled(daemon);

  await expectWritersWhole(daemon, pids);
  await expectTrueExitCodes(daemon);
  await expectDistinctAddresses(daemon);
}, 600_000);

/** Waits until every short container has ended. */
async function settled(daemon: TestDaemon): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const { body } = await daemon.request('GET', '/containers/json');
    if (body.length === WRITERS) return;
    await Bun.sleep(50);
  }
}

async function expectWritersWhole(daemon: TestDaemon, pids: ReadonlyMap<string, number>): Promise<void> {
  for (const [id, pid] of pids) {
    const { body } = await daemon.request('GET', `/containers/${id}/json`);
    expect(body.State.Status).toBe('running');
    expect(body.State.Pid).toBe(pid);
    const lines = daemon.run('sampan', ['logs', id]).stdout.trim().split('\n').map(Number);
    expect(lines.length).toBeGreaterThan(50);
    const broken = lines.findIndex((line, index) => line !== index);
    expect(broken).toBe(-1);
  }
}

/** Each short container that ran has the code that its name tells: its own, or a signal's where a removal or stop came first. */
async function expectTrueExitCodes(daemon: TestDaemon): Promise<void> {
  const { body } = await daemon.request('GET', '/containers/json?all=1');
  const churned = body.filter(({ Names }: Json) => Names[0].startsWith('/churn-'));
  for (const { Id, Names } of churned) {
    const { State } = (await daemon.request('GET', `/containers/${Id}/json`)).body;
    expect(['created', 'exited']).toContain(State.Status);
    if (State.Status === 'created') continue;
    const code = Number(Names[0].split('-').at(-1));
    expect([code, 137, 143]).toContain(State.ExitCode);
    expect(Date.parse(State.FinishedAt)).toBeGreaterThanOrEqual(Date.parse(State.StartedAt));
  }
}

async function expectDistinctAddresses(daemon: TestDaemon): Promise<void> {
  const { body } = await daemon.request('GET', '/containers/json');
  const addresses = body.map(({ NetworkSettings }: Json) => NetworkSettings.Networks.bridge.IPAddress);
  expect(addresses.every((address: string) => address !== '')).toBe(true);
  expect(new Set(addresses).size).toBe(addresses.length);
}

const IMAGE_KILLS = 15;

/** Everything that the daemon stores of images. */
function stored({ home }: TestDaemon): string[] {
  return ['content', 'snapshots']
    .flatMap((name) => readdirSync(join(home, 'data', name), { recursive: true, encoding: 'utf8' }))
    .sort();
}

/** Archives of plain and of compressed layers, large enough to be interrupted. */
function archives(): Buffer[] {
  const layers = [1, 2, 3].map((seed) => tar({ [`file-${seed}`]: Buffer.alloc(6_000_000, `${seed} `) }));
  const layout = new LayoutBuilder();
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map((bytes) => digestOf(bytes)) },
  });
  const manifest = layout.manifest(
    config,
    layers.map((bytes) => gzipSync(bytes)),
  );
  return [
    savedArchive(layers, ['plain:v1']),
    layout.archive([named(manifest, 'docker.io/library/packed:v1')]),
  ];
}

/** Until told to stop: loads, commits, removes and prunes. */
async function churnImages(daemon: TestDaemon, lane: number, stopped: () => boolean): Promise<void> {
  const [plain, packed] = archives();
  const filters = encodeURIComponent(JSON.stringify({ dangling: ['true'] }));
  const load = async (body: Buffer | undefined): Promise<unknown> =>
    fetch('http://d/images/load', { method: 'POST', unix: daemon.socket, body: body ?? '' })
      .then((answer) => answer.text())
      .catch(() => undefined);
  for (let round = 0; !stopped(); round++) {
    await load(lane === 0 ? plain : packed);
    await attempt(daemon, 'POST', `/commit?container=source&repo=made-${lane}&tag=${round % 2}`);
    if (round % 2 === lane) await attempt(daemon, 'DELETE', `/images/${lane === 0 ? 'plain' : 'packed'}:v1`);
    await attempt(daemon, 'POST', `/images/prune?filters=${filters}`);
    await Bun.sleep(1);
  }
}

/** Every image that is shown is whole: all of its blobs are what their names say. */
async function expectImagesWhole(daemon: TestDaemon): Promise<void> {
  const { body } = await daemon.request('GET', '/images/json?all=1');
  for (const { Id } of body) {
    const answer = await fetch(`http://d/images/${Id}/get`, { unix: daemon.socket });
    // It may have been removed since the list was made.
    if (answer.status === 404) continue;
    expect(answer.status).toBe(200);
    const whole = Buffer.from(await answer.arrayBuffer());
    for await (const { entry, body: data } of readTar(asStream(whole))) {
      if (!entry.name.startsWith('blobs/sha256/') || entry.type !== 'file') continue;
      const bytes = Buffer.concat(await Array.fromAsync(data(), (chunk) => Buffer.from(chunk)));
      expect(`blobs/sha256/${digestOf(bytes).slice(7)}`).toBe(entry.name);
    }
  }
}

async function* asStream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

test('a daemon killed amid load, commit, removal and prune shows no image that is not whole, and keeps nothing else', async () => {
  await using daemon = await TestDaemon.start();
  const before = stored(daemon);
  daemon.sampan('run', '--name', 'source', 'busybox', 'sh', '-c', 'echo made > /note');
  let over = false;
  const churners = [0, 1].map((lane) => churnImages(daemon, lane, () => over));
  for (let kill = 0; kill < IMAGE_KILLS; kill++) {
    await Bun.sleep(20 + Math.random() * 300);
    await daemon.stopProcess('SIGKILL');
    await daemon.startProcess();
    await expectImagesWhole(daemon);
  }
  over = true;
  await Promise.all(churners);
  await expectImagesWhole(daemon);
  daemon.sampan('rm', 'source');
  daemon.sampan('image', 'prune', '-f');
  const { body } = await daemon.request('GET', '/images/json');
  const names = body.flatMap(({ RepoTags }: Json) => RepoTags);
  for (const name of names) if (name !== 'busybox:latest') daemon.sampan('rmi', name);
  expect(stored(daemon)).toEqual(before);
}, 300_000);
