import { expect, test } from 'bun:test';
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
