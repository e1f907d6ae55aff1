import { describe, expect, test } from 'bun:test';
import { StartError } from '../runtime/start-error.ts';
import { Harness, settle } from './testing/harness.ts';

const never = { timeout: undefined, signal: '' };

describe('references', () => {
  test('are the full ID, the name with or without "/", and a unique prefix', async () => {
    using harness = new Harness();
    const { id } = await harness.create({ name: 'web' });
    for (const reference of [id, 'web', '/web', id.slice(0, 12), id.slice(0, 3)]) {
      expect(harness.get(reference).id).toBe(id);
    }
    expect(() => harness.get('nobody')).toThrow('No such container: nobody');
  });

  test('that fit several IDs are refused', async () => {
    using harness = new Harness();
    const ids = await Promise.all(Array.from({ length: 17 }, () => harness.create()));
    const firsts = ids.map(({ id }) => id[0] ?? '');
    const twice = firsts.find((letter, index) => firsts.indexOf(letter) !== index) ?? '';
    expect(() => harness.get(twice)).toThrow(`multiple IDs found with provided prefix: ${twice}`);
  });
});

describe('names', () => {
  test('that are taken or malformed are refused in words that clients know', async () => {
    using harness = new Harness();
    const { id } = await harness.create({ name: 'web' });
    await expect(harness.create({ name: '/web' })).rejects.toThrow(
      `Conflict. The container name "/web" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
    await expect(harness.create({ name: 'a b' })).rejects.toThrow(
      'Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
    );
    expect(harness.containers.list()).toHaveLength(1);
  });

  test('are made up when nobody gives one, and free again when the create fails', async () => {
    using harness = new Harness();
    const { id } = await harness.create();
    expect(harness.get(id).name).toMatch(/^[a-z]+_[a-z]+$/);
    harness.snapshots.failure = new Error('no space left');
    await expect(harness.create({ name: 'web' })).rejects.toThrow('no space left');
    harness.snapshots.failure = undefined;
    expect((await harness.create({ name: 'web' })).id).toHaveLength(64);
  });

  test('change with rename, which tells the old one', async () => {
    using harness = new Harness();
    await harness.create({ name: 'old' });
    await harness.create({ name: 'other' });
    await harness.containers.rename(harness.context, 'old', 'new');
    expect(harness.get('new').name).toBe('new');
    expect(() => harness.get('old')).toThrow('No such container');
    expect(harness.events.events.at(-1)).toMatchObject({
      action: 'rename',
      attributes: { name: 'new', oldName: '/old' },
    });
    const rename = (to: string) => harness.containers.rename(harness.context, 'new', to);
    await expect(rename('other')).rejects.toThrow(
      'Error when allocating new name: Conflict. The container name',
    );
    await expect(rename('new')).rejects.toThrow(
      'Renaming a container with the same name as its current name',
    );
    await expect(rename('')).rejects.toThrow('Neither old nor new names may be empty');
  });
});

describe('a run', () => {
  test('goes through its states with events in order', async () => {
    using harness = new Harness();
    const id = await harness.run({ name: 'web', config: { Labels: { tier: 'front' } } });
    expect(harness.get(id).state).toMatchObject({ status: 'running', pid: 100_000, exitCode: 0 });
    expect(harness.get(id).networks.bridge?.endpoint?.ipv4Address).toBe('172.17.0.2');
    await harness.end(id, 7);
    expect(harness.get(id).state).toMatchObject({ status: 'exited', pid: 0, exitCode: 7 });
    expect(harness.get(id).networks.bridge?.endpoint).toBeUndefined();
    expect(harness.networks.connected).toEqual([]);
    expect(harness.runtime.forgotten).toEqual([id]);
    await harness.containers.remove(harness.context, 'web', { force: false, volumes: false, link: false });
    expect(harness.events.names).toEqual([
      'container create',
      'network connect',
      'container start',
      'container die',
      'network disconnect',
      'container destroy',
    ]);
    const die = harness.events.events.find(({ action }) => action === 'die');
    expect(die?.attributes).toEqual({
      tier: 'front',
      image: 'busybox',
      name: 'web',
      exitCode: '7',
      execDuration: '0',
    });
    expect(harness.containers.list()).toEqual([]);
    expect(harness.snapshots.keys.size).toBe(0);
  });

  test('cannot begin while another one lasts', async () => {
    using harness = new Harness();
    const id = await harness.run();
    const start = () => harness.containers.start(harness.context, id);
    await expect(start()).rejects.toMatchObject({ code: 'not-modified' });
    await harness.containers.pause(harness.context, id);
    await expect(start()).rejects.toThrow('cannot start a paused container, try unpause instead');
  });

  test('begins once however many ask for it at the same time', async () => {
    using harness = new Harness();
    const { id } = await harness.create();
    const starts = Array.from({ length: 10 }, () => harness.containers.start(harness.context, id));
    const outcomes = await Promise.allSettled(starts);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(harness.runtime.bundles).toHaveLength(1);
  });

  test('that runs out of memory is told, and remembered', async () => {
    using harness = new Harness();
    const id = await harness.run();
    harness.runtime.task(id).runOutOfMemory();
    harness.runtime.task(id).end(137, { oomKilled: true });
    await settle();
    expect(harness.get(id).state).toMatchObject({ oomKilled: true, exitCode: 137 });
    expect(harness.events.names.filter((name) => name === 'container oom')).toHaveLength(1);
  });
});

describe('a start that fails', () => {
  const failure = new StartError(127, 'exec: "nope": executable file not found in $PATH');

  test('leaves the container as it was, with the reason', async () => {
    using harness = new Harness();
    harness.runtime.failures.push(failure);
    const { id } = await harness.create();
    const wait = harness.containers.wait(harness.context, id, 'next-exit');
    await expect(harness.containers.start(harness.context, id)).rejects.toBe(failure);
    expect(harness.get(id).state).toMatchObject({
      status: 'created',
      exitCode: 127,
      error: 'exec: "nope": executable file not found in $PATH',
    });
    expect((await wait).code).toBe(127);
    expect(harness.networks.connected).toEqual([]);
    expect(harness.events.names).toEqual(['container create']);
  });

  test('at the network says so, and counts as 128', async () => {
    using harness = new Harness();
    harness.networks.failure = new Error('port is already allocated');
    const { id } = await harness.create();
    await expect(harness.containers.start(harness.context, id)).rejects.toThrow(
      'failed to set up container networking: port is already allocated',
    );
    expect(harness.get(id).state).toMatchObject({ status: 'created', exitCode: 128 });
  });

  test('takes a container with AutoRemove away', async () => {
    using harness = new Harness();
    harness.runtime.failures.push(failure);
    const { id } = await harness.create({ hostConfig: { AutoRemove: true } });
    const removed = harness.containers.wait(harness.context, id, 'removed');
    await expect(harness.containers.start(harness.context, id)).rejects.toBe(failure);
    expect((await removed).code).toBe(127);
    expect(harness.containers.list()).toEqual([]);
  });
});

describe('stop', () => {
  test('signals, and its event comes after those of the exit', async () => {
    using harness = new Harness();
    const id = await harness.run();
    await harness.containers.stop(harness.context, id, never);
    expect(harness.runtime.task(id).signals).toEqual([15]);
    expect(harness.events.names.slice(3)).toEqual([
      'container kill',
      'container die',
      'network disconnect',
      'container stop',
    ]);
    await expect(harness.containers.stop(harness.context, id, never)).rejects.toMatchObject({
      code: 'not-modified',
    });
  });

  test('uses the StopSignal, and kills what does not heed it', async () => {
    using harness = new Harness();
    const id = await harness.run({ config: { StopSignal: 'SIGQUIT', StopTimeout: 0 } });
    await harness.containers.stop(harness.context, id, never);
    expect(harness.runtime.task(id).signals).toEqual([3, 9]);
    expect(harness.get(id).state.exitCode).toBe(137);
  });

  test('of an unknown signal is refused', async () => {
    using harness = new Harness();
    const id = await harness.run();
    const options = { timeout: undefined, signal: 'NOPE' };
    await expect(harness.containers.stop(harness.context, id, options)).rejects.toThrow(
      'invalid signal: NOPE',
    );
  });
});

describe('kill', () => {
  test('of what does not run is a conflict', async () => {
    using harness = new Harness();
    const { id } = await harness.create({ name: 'web' });
    await expect(harness.containers.kill(harness.context, 'web', '')).rejects.toThrow(
      `cannot kill container: web: container ${id} is not running`,
    );
  });

  test('lets a paused container act on the signal', async () => {
    using harness = new Harness();
    const id = await harness.run();
    await harness.containers.pause(harness.context, id);
    await harness.containers.kill(harness.context, id, 'HUP');
    expect(harness.runtime.task(id).frozen).toBe(false);
    expect(harness.get(id).state.status).toBe('running');
  });
});

describe('remove', () => {
  const plain = { force: false, volumes: false, link: false };

  test('of a running or paused container takes force', async () => {
    using harness = new Harness();
    const id = await harness.run({ name: 'web' });
    const remove = (force: boolean) => harness.containers.remove(harness.context, 'web', { ...plain, force });
    await expect(remove(false)).rejects.toThrow(
      'cannot remove container "/web": container is running: stop the container before removing or force remove',
    );
    await harness.containers.pause(harness.context, id);
    await expect(remove(false)).rejects.toThrow(
      'cannot remove container "/web": container is paused and must be unpaused first',
    );
    await remove(true);
    expect(harness.containers.list()).toEqual([]);
    expect(harness.runtime.task(id).signals).toEqual([9]);
  });

  test('under way refuses a second one', async () => {
    using harness = new Harness();
    const { id } = await harness.create();
    const first = harness.containers.remove(harness.context, id, plain);
    await expect(harness.containers.remove(harness.context, id, plain)).rejects.toThrow(
      `removal of container ${id} is already in progress`,
    );
    await first;
  });

  test('takes anonymous volumes only, and only when asked to', async () => {
    using harness = new Harness({ image: { Cmd: ['sh'], Volumes: { '/data': {} } } });
    const kept = await harness.create({ hostConfig: { Binds: ['named:/named'] } });
    await harness.containers.remove(harness.context, kept.id, plain);
    expect(harness.volumes.list()).toHaveLength(2);
    const gone = await harness.create({ hostConfig: { Binds: ['named:/named'] } });
    await harness.containers.remove(harness.context, gone.id, { ...plain, volumes: true });
    expect(harness.volumes.list()).toHaveLength(2);
    expect(harness.volumes.get('named').name).toBe('named');
  });

  test('ends those who wait for a container that never ran', async () => {
    using harness = new Harness();
    const { id } = await harness.create();
    const exit = harness.containers.wait(harness.context, id, 'next-exit');
    await harness.containers.remove(harness.context, id, plain);
    expect((await exit).code).toBe(0);
  });
});

describe('update', () => {
  test('changes limits of a running container, and what inspect shows', async () => {
    using harness = new Harness();
    const id = await harness.run({ hostConfig: { Memory: 64 << 20 } });
    const change = { ...harness.get(id).hostConfig, Memory: 32 << 20, MemorySwap: 0, NanoCpus: 5e8 };
    await harness.containers.update(harness.context, id, change);
    expect(harness.get(id).hostConfig).toMatchObject({ Memory: 32 << 20, NanoCpus: 5e8 });
    expect(harness.runtime.task(id).updates[0]).toMatchObject({
      memory: { limit: 32 << 20 },
      cpu: { period: 100_000, quota: 50_000 },
    });
    await expect(
      harness.containers.update(harness.context, id, { ...change, NanoCpus: 0, Memory: 1 << 30 }),
    ).rejects.toThrow(
      `Cannot update container ${id}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time`,
    );
  });
});

describe('wait', () => {
  test('for a stopped container returns its code at once', async () => {
    using harness = new Harness();
    const id = await harness.run();
    await harness.end(id, 5);
    expect(await harness.containers.wait(harness.context, id, 'not-running')).toEqual({ code: 5, error: '' });
  });

  test('ends when the client leaves', async () => {
    using harness = new Harness();
    const id = await harness.run();
    const client = new AbortController();
    const context = { ...harness.context, signal: client.signal };
    const wait = harness.containers.wait(context, id, 'not-running');
    client.abort(new Error('gone'));
    await expect(wait).rejects.toThrow('gone');
  });
});

describe('prune', () => {
  test('removes what does not run and passes the filter', async () => {
    using harness = new Harness();
    const running = await harness.run();
    const { id: kept } = await harness.create({ name: 'keep' });
    const { id: stopped } = await harness.create();
    const result = await harness.containers.prune(harness.context, ({ name }) => name !== 'keep');
    expect(result).toEqual({ deleted: [stopped], bytes: 10 });
    expect(
      harness.containers
        .list()
        .map(({ id }) => id)
        .sort(),
    ).toEqual([running, kept].sort());
  });
});

describe('attach', () => {
  const streams = {
    stdin: false,
    stdout: true,
    stderr: true,
    detachKeys: new Uint8Array(),
    logs: false,
    stream: true,
  };

  test('before the start joins that start', async () => {
    using harness = new Harness();
    const { id } = await harness.create();
    await using attachment = await harness.containers.attach(harness.context, id, streams);
    await harness.containers.start(harness.context, id);
    expect(harness.runtime.bundles[0]?.attach).toHaveLength(1);
    const received: number[] = [];
    for await (const frame of attachment.frames) received.push(...frame);
    expect(received.at(-1)).toBe(0x78);
  });

  test('ends when the start fails, or the container goes', async () => {
    using harness = new Harness();
    harness.runtime.failures.push(new StartError(128, 'no'));
    const { id } = await harness.create();
    await using attachment = await harness.containers.attach(harness.context, id, streams);
    await expect(harness.containers.start(harness.context, id)).rejects.toThrow('no');
    expect(await Array.fromAsync(attachment.frames)).toEqual([]);
    await using second = await harness.containers.attach(harness.context, id, streams);
    await harness.containers.remove(harness.context, id, { force: false, volumes: false, link: false });
    expect(await Array.fromAsync(second.frames)).toEqual([]);
  });

  test('to a paused container is refused', async () => {
    using harness = new Harness();
    const id = await harness.run({ name: 'web' });
    await harness.containers.pause(harness.context, id);
    await expect(harness.containers.attach(harness.context, 'web', streams)).rejects.toThrow(
      'container web is paused, unpause the container before attach',
    );
  });
});

describe('fifty starts at once', () => {
  test('all succeed', async () => {
    using harness = new Harness();
    const ids = await Promise.all(Array.from({ length: 50 }, () => harness.run()));
    expect(new Set(ids).size).toBe(50);
    expect(harness.containers.list().every(({ state }) => state.status === 'running')).toBe(true);
  });
});
