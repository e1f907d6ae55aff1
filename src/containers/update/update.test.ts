import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { invalid, notFound } from '../../base/errors.ts';
import { type ContainerChanges, ContainerUpdateRequest } from '../../wire/container-changes.ts';
import { type ContainerConfig, type HostConfig, UpdateConfig } from '../../wire/container-config.ts';
import type { AppliedChange } from '../contract.ts';
import { Harness, settle } from '../testing/harness.ts';

let harness: Harness;

beforeEach(() => {
  harness = new Harness();
});
afterEach(() => harness[Symbol.dispose]());

function update(id: string, changes: ContainerChanges, limits: Partial<UpdateConfig> = {}) {
  return harness.containers.update(harness.context, id, {
    ...UpdateConfig.zero(),
    ...limits,
    Changes: changes,
  });
}

/** "env NAME: next start" for each change. */
async function changed(id: string, changes: ContainerChanges): Promise<string[]> {
  return (await update(id, changes)).changes.map(describeChange);
}

function describeChange({ kind, name, removed, applied }: AppliedChange): string {
  return `${kind} ${name}${removed ? ' removed' : ''}: ${applied}`;
}

async function refusal(id: string, changes: ContainerChanges): Promise<string> {
  const error = await update(id, changes).catch((reason: unknown) => reason);
  return error instanceof Error ? error.message.replace(`Cannot update container ${id}: `, '') : 'none';
}

interface Wish {
  readonly config?: Partial<ContainerConfig>;
  readonly hostConfig?: Partial<HostConfig>;
}

const run = (wish: Wish = {}) => harness.run({ name: 'web', ...wish });

const bind = (HostPort: string, HostIp = '') => ({ HostIp, HostPort });

describe('variables and labels', () => {
  test('are set in their place, added and removed', async () => {
    const id = await run({ config: { Env: ['A=1', 'B=2', 'C=3'], Labels: { a: '1', b: '2' } } });
    const changes = { Env: ['B=two', 'D=4'], EnvRemove: ['A'], Labels: { b: 'two' }, LabelsRemove: ['a'] };
    expect(await changed(id, changes)).toEqual([
      ...['env A removed: next start', 'env B: next start', 'env D: next start'],
      ...['label a removed: now', 'label b: now'],
    ]);
    const { Env, Labels } = harness.get(id).config;
    expect({ Env, Labels }).toEqual({ Env: ['B=two', 'C=3', 'D=4'], Labels: { b: 'two' } });
  });

  test.each([
    [{ Env: ['=x'] }, 'invalid environment variable: =x'],
    [{ EnvRemove: ['NONE'] }, 'container web has no environment variable "NONE"'],
    [{ LabelsRemove: ['none'] }, 'container web has no label "none"'],
    [{ Labels: { '': 'x' } }, 'invalid label: its name is empty'],
  ] satisfies [ContainerChanges, string][])('are refused when they cannot be: %j', async (changes, words) => {
    expect(await refusal(await run(), changes)).toBe(words);
  });
});

describe('the process', () => {
  test('has another command with the next start', async () => {
    const id = await run();
    expect(await changed(id, { Entrypoint: ['/bin/echo'], Cmd: ['a', 'b'], User: '5' })).toEqual([
      ...['user : next start', 'entrypoint : next start', 'cmd : next start'],
    ]);
    const { path, args, config } = harness.get(id);
    expect({ path, args, user: config.User }).toEqual({ path: '/bin/echo', args: ['a', 'b'], user: '5' });
    expect(await refusal(id, { Entrypoint: [], Cmd: [] })).toBe('no command specified');
  });

  test('keeps its name where that is another’s', async () => {
    await run();
    const { id } = await harness.create({ hostConfig: { NetworkMode: 'container:web' } });
    expect(await refusal(id, { Hostname: 'mine' })).toBe(
      'conflicting options: hostname and the network mode',
    );
  });

  test('gets back what was dropped, and loses what was added', async () => {
    const id = await run({ hostConfig: { CapAdd: ['SYS_TIME'], CapDrop: ['CHOWN'] } });
    await update(id, { CapAdd: ['chown'], CapDrop: ['CAP_SYS_TIME'] });
    const { CapAdd, CapDrop } = harness.get(id).hostConfig;
    expect({ CapAdd, CapDrop }).toEqual({ CapAdd: ['CAP_CHOWN'], CapDrop: ['CAP_SYS_TIME'] });
    expect(await refusal(id, { CapAdd: ['FLY'] })).toContain('unknown capability');
  });

  test('is looked after by another health check at once', async () => {
    const id = await run();
    expect(await changed(id, { Healthcheck: { Test: ['CMD', 'true'], Interval: 5_000_000 } })).toEqual([
      'health : now',
    ]);
    expect(harness.get(id).state.health).toMatchObject({ status: 'starting' });
    expect(await changed(id, { Healthcheck: { Test: ['NONE'] } })).toEqual(['health  removed: now']);
    expect(harness.get(id).state.health).toBeUndefined();
  });
});

describe('the log', () => {
  test('is rotated otherwise at once, the rest of its options comes with the next start', async () => {
    const id = await run();
    const Config = { 'max-size': '1m', 'max-file': '4', tag: 'web' };
    expect(await changed(id, { LogConfig: { Type: '', Config } })).toEqual([
      ...['log-opt max-size: now', 'log-opt max-file: now', 'log-opt tag: next start'],
    ]);
    expect(harness.runtime.task(id).rotation).toEqual({ maxSize: 1_000_000, maxFiles: 4, compress: false });
    await update(id, { LogConfig: { Type: '', Config: { 'max-size': '', tag: '' } } });
    expect(harness.get(id).hostConfig.LogConfig).toEqual({ Type: 'json-file', Config: { 'max-file': '4' } });
    expect(await refusal(id, { LogConfig: { Type: 'fluentd', Config: {} } })).toContain('plugin "fluentd"');
  });

  test('is the one that was when the kernel refuses the limits', async () => {
    const id = await run();
    const task = harness.runtime.task(id);
    task.updateFailure = invalid('device or resource busy');
    const before = harness.get(id);
    const changes = { LogConfig: { Type: '', Config: { 'max-size': '1m' } }, Env: ['A=1'] };
    await expect(update(id, changes, { Memory: 1 << 26, MemorySwap: 1 << 26 })).rejects.toThrow('busy');
    expect(task.rotation).toEqual({ maxSize: 0, maxFiles: 1, compress: false });
    expect(harness.get(id)).toEqual(before);
  });
});

describe('ports', () => {
  const hostConfig = {
    PortBindings: { '80/tcp': [bind('8080'), bind(''), bind('9000-9010', '127.0.0.1')] },
  };

  test('are added to and removed from what is asked for', async () => {
    const id = await run({ hostConfig });
    expect(
      await changed(id, {
        PublishAdd: { '81': [bind('8081')], '53/udp': [bind('', '::1')] },
        PublishRemove: { '80/tcp': [bind('8080'), bind('9000-9010')] },
      }),
    ).toEqual([
      ...['publish 8080:80/tcp removed: now', 'publish 127.0.0.1:9000-9010:80/tcp removed: now'],
      ...['publish 8081:81/tcp: now', 'publish [::1]::53/udp: now'],
    ]);
    expect(harness.get(id).hostConfig.PortBindings).toEqual({
      '80/tcp': [bind('')],
      '81/tcp': [bind('8081')],
      '53/udp': [bind('', '::1')],
    });
    expect(harness.get(id).config.ExposedPorts).toEqual({ '81/tcp': {}, '53/udp': {} });
    expect(harness.networks.portChanges).toEqual(['apply', 'commit']);
  });

  test.each([
    [{ PublishRemove: { '80/tcp': [bind('8081')] } }, 'container web does not publish 8081:80/tcp'],
    [{ PublishRemove: { '81/tcp': [] } }, 'container web does not publish 81/tcp'],
    [{ PublishAdd: { '80/tcp': [bind('8080')] } }, 'container web publishes 8080:80/tcp already'],
    [{ PublishAdd: { '80/icmp': [bind('8080')] } }, 'invalid port specification: "80"'],
    [
      { PublishAdd: { '80-90/tcp': [bind('')] } },
      'invalid port specification: "80-90/tcp" is more than one port',
    ],
    [{ PublishAdd: { '80/tcp': [bind('80a')] } }, 'invalid port specification: "80a"'],
    [{ PublishAdd: { '80/tcp': [bind('80', 'localhost')] } }, 'invalid IP address: localhost'],
  ] satisfies [ContainerChanges, string][])('are refused when they cannot be: %j', async (changes, words) => {
    const id = await run({ hostConfig });
    expect(await refusal(id, changes)).toBe(words);
    expect(harness.networks.portChanges).toEqual([]);
  });

  test('are not so many that one supervisor could not take them', async () => {
    const many = Array.from({ length: 2001 }, () => bind(''));
    expect(await refusal(await run(), { PublishAdd: { '80/tcp': many } })).toBe(
      'a container publishes at most 2000 ports',
    );
  });

  test.each(['supervisor', 'firewall', 'kernel'])('are as before when the %s refuses', async (who) => {
    const id = await run({ hostConfig });
    const task = harness.runtime.task(id);
    if (who === 'supervisor') task.publishFailures.push(invalid('no'));
    if (who === 'firewall') harness.networks.firewallFailure = invalid('no');
    if (who === 'kernel') task.updateFailure = invalid('no');
    const before = harness.get(id);
    expect(await refusal(id, { PublishAdd: { '81/tcp': [bind('8081')] }, Labels: { a: 'b' } })).toBe('no');
    expect(harness.networks.portChanges.at(-1)).toBe('cancel');
    expect(harness.networks.portChanges.includes('revert')).toBe(who === 'kernel');
    expect(harness.get(id)).toEqual(before);
    await harness.restartDaemon();
    expect(harness.get(id)).toEqual(before);
  });

  test('that another program took before they could be taken back are settled by the next daemon that can', async () => {
    const id = await run({ hostConfig });
    harness.networks.firewallFailure = invalid('no');
    const task = harness.runtime.task(id);
    const { publish } = task;
    let taken = false;
    task.publish = async (context, plan) => {
      if (taken) throw invalid('address already in use');
      await publish.call(task, context, plan);
      taken = true;
    };
    expect(await refusal(id, { PublishAdd: { '81/tcp': [bind('8081')] } })).toBe('no');
    harness.networks.firewallFailure = undefined;
    // Another change that succeeds makes nothing of it good.
    await update(id, { Labels: { a: 'b' } });
    const settles: boolean[] = [];
    for (const port of ['taken', 'free', 'free']) {
      if (port === 'free') Reflect.deleteProperty(task, 'publish');
      await harness.restartDaemon();
      settles.push(harness.networks.republished.length > 0);
    }
    expect(settles).toEqual([true, true, false]);
  });

  test('of a container that ends meanwhile are refused as those of one that does not run', async () => {
    const id = await run({ hostConfig });
    harness.runtime.task(id).publishFailures.push(notFound('the supervisor has hung up'));
    const error = await update(id, { PublishAdd: { '81/tcp': [bind('8081')] } }).catch((reason) => reason);
    expect([error.code, error.message]).toEqual([
      'conflict',
      `Cannot update container ${id}: container ${id} is not running`,
    ]);
  });

  test('of a container that does not run wait for its start', async () => {
    const { id } = await harness.create();
    expect(await changed(id, { PublishAdd: { '80/tcp': [bind('8080')] } })).toEqual([
      'publish 8080:80/tcp: next start',
    ]);
    await harness.containers.start(harness.context, id);
    expect(harness.networks.requests.at(-1)?.ports).toMatchObject([{ hostPort: 8080, containerPort: 80 }]);
  });

  test('of a container in another’s network are that one’s affair', async () => {
    await run();
    const { id } = await harness.create({ hostConfig: { NetworkMode: 'container:web' } });
    expect(await refusal(id, { PublishAdd: { '80/tcp': [] } })).toBe(
      'conflicting options: port publishing and the container type network mode',
    );
  });

  test('of the host’s network are discarded, with a warning', async () => {
    const id = await run({ hostConfig: { NetworkMode: 'host' } });
    const { warnings } = await update(id, { PublishAdd: { '80/tcp': [] } });
    expect(warnings[0]).toBe('Published ports are discarded when using host network mode');
  });

  test('that are added and removed again leave the container as it was', async () => {
    const id = await run();
    const ports = fc.uniqueArray(fc.integer({ min: 1, max: 65535 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(ports, fc.constantFrom('tcp', 'udp', 'sctp'), async (numbers, protocol) => {
        const before = harness.get(id).hostConfig;
        const map = Object.fromEntries(numbers.map((port) => [`${port}/${protocol}`, [bind(String(port))]]));
        await update(id, { PublishAdd: map });
        expect(Object.keys(harness.get(id).hostConfig.PortBindings ?? {})).toHaveLength(numbers.length);
        await update(id, { PublishRemove: map });
        expect(harness.get(id).hostConfig).toEqual(before);
      }),
      { numRuns: 25 },
    );
  });
});

describe('mounts', () => {
  const destinations = (id: string) => harness.get(id).mounts.map(({ destination }) => destination);

  test('of what runs come and go with its next start, and are kept until then', async () => {
    const id = await run({ hostConfig: { Binds: ['old:/old'], Tmpfs: { '/fast': '' } } });
    expect(await changed(id, { MountsRemove: ['/old/', '/fast'], Binds: ['new:/new', '/nameless'] })).toEqual(
      [
        ...['mount /old removed: next start', 'mount /fast removed: next start'],
        ...['mount /new: next start', 'mount /nameless: next start'],
      ],
    );
    const { Binds, Tmpfs } = harness.get(id).hostConfig;
    expect({ Binds, Tmpfs }).toEqual({ Binds: ['new:/new', '/nameless'], Tmpfs: {} });
    expect(destinations(id).sort()).toEqual(['/nameless', '/new', '/old']);
    await harness.restartDaemon();
    await harness.containers.stop(harness.context, id, { timeout: 0, signal: '' });
    await settle();
    await harness.containers.start(harness.context, id);
    expect(destinations(id).sort()).toEqual(['/nameless', '/new']);
    const { mounts } = harness.runtime.bundles.at(-1)?.spec ?? { mounts: [] };
    const names = mounts?.map(({ destination }) => destination) ?? [];
    expect(names).toEqual(expect.arrayContaining(['/new', '/nameless']));
    expect(names).not.toContain('/old');
  });

  test('that come again are never there twice', async () => {
    const id = await run();
    await update(id, { Binds: ['one:/data'] });
    expect(await refusal(id, { Binds: ['two:/data'] })).toBe('Duplicate mount point: /data');
    await update(id, { MountsRemove: ['/data'], Binds: ['two:/data'] });
    expect(harness.get(id).mounts.map(({ name }) => name)).toEqual(['two']);
  });

  test('that are refused leave no volume that nobody named', async () => {
    const id = await run();
    harness.runtime.task(id).updateFailure = invalid('no');
    expect(await refusal(id, { Binds: ['/nameless'] })).toBe('no');
    expect(harness.volumes.list()).toEqual([]);
  });

  test.each([
    [{ MountsRemove: ['/none'] }, 'container web has nothing mounted at "/none"'],
    [{ Mounts: [{ Type: 'bind', Source: '/no/such', Target: '/x' }] }, 'bind source path does not exist'],
    [{ Binds: ['data'] }, "invalid volume specification: 'data'"],
    [{ Tmpfs: { relative: '' } }, 'relative'],
  ] satisfies [ContainerChanges, string][])('are refused when they cannot be: %j', async (changes, words) => {
    expect(await refusal(await run(), changes)).toContain(words);
  });
});

test('an update whose end a killed daemon did not live to see is finished', async () => {
  const id = await run();
  const task = harness.runtime.task(id);
  // As it is between the row and the kernel.
  await new Promise<void>((resolve) => {
    task.update = () => {
      resolve();
      return new Promise(() => {});
    };
    void update(id, { Labels: { a: 'b' } }, { CpuShares: 512 });
  });
  Reflect.deleteProperty(task, 'update');
  harness.containers.shutdown = async () => {};
  await harness.restartDaemon();
  expect(harness.get(id)).toMatchObject({
    config: { Labels: { a: 'b' } },
    hostConfig: { CpuShares: 512 },
  });
  expect(harness.runtime.task(id).updates.at(-1)).toMatchObject({ cpu: { shares: 512 } });
});

test('a request may name any of its keys, or none', () => {
  const decode = (value: unknown) => ContainerUpdateRequest.decode(value, '');
  expect(decode({}).Changes).toBeUndefined();
  expect(decode({ Changes: {} }).Changes).toEqual({});
  expect(decode({ Changes: { PublishAdd: { '80/tcp': null } } }).Changes).toEqual({
    PublishAdd: { '80/tcp': null },
  });
  expect(() => decode({ Changes: { Env: 'A=b' } })).toThrow('cannot unmarshal string');
});
