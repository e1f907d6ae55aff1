import { describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerConfig, HostConfig, Mount } from '../wire/container-config.ts';
import { FakeRuntime } from './testing/fake-runtime.ts';
import { Harness } from './testing/harness.ts';

const MEBIBYTE = 1 << 20;

async function refusal(
  config: Partial<ContainerConfig>,
  hostConfig: Partial<HostConfig> = {},
): Promise<string> {
  using harness = new Harness();
  try {
    await harness.create({ config, hostConfig });
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid-argument' });
    expect(harness.containers.list()).toEqual([]);
    expect(harness.snapshots.keys.size).toBe(0);
    return (error as Error).message;
  }
  return '';
}

describe('create', () => {
  test('fills in what inspect shows afterwards', async () => {
    using harness = new Harness();
    const { id, warnings } = await harness.create();
    expect(warnings).toEqual([]);
    const { config, hostConfig, state, networks, files, path } = harness.get(id);
    expect(config.Hostname).toBe(id.slice(0, 12));
    expect(path).toBe('sh');
    expect(hostConfig).toMatchObject({
      NetworkMode: 'bridge',
      IpcMode: 'private',
      CgroupnsMode: 'host',
      ShmSize: 67108864,
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      LogConfig: { Type: 'json-file', Config: {} },
      ConsoleSize: [0, 0],
      Runtime: 'runc',
      OomKillDisable: false,
      PidsLimit: null,
      PortBindings: {},
      SecurityOpt: null,
      ReadonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    });
    expect(hostConfig.MaskedPaths).toContain('/proc/kcore');
    expect(state).toMatchObject({ status: 'created', startedAt: '0001-01-01T00:00:00Z' });
    expect(networks.bridge?.networkId).toHaveLength(64);
    expect(files.log).toBe('');
  });

  test('keeps namespaces private on cgroup v2, and open what is privileged', async () => {
    using harness = new Harness({ runtime: new FakeRuntime({ cgroupVersion: 2, oomKillDisable: false }) });
    const { id } = await harness.create({ hostConfig: { Privileged: true } });
    expect(harness.get(id).hostConfig).toMatchObject({
      CgroupnsMode: 'private',
      SecurityOpt: ['label=disable'],
      MaskedPaths: null,
      OomKillDisable: null,
    });
  });

  test('merges the image under the container', async () => {
    using harness = new Harness({
      image: {
        User: 'web',
        Env: ['PATH=/bin', 'A=image'],
        Entrypoint: ['/entry'],
        Cmd: ['serve'],
        Labels: { a: 'image', b: 'image' },
        ExposedPorts: { '80/tcp': {} },
        StopSignal: 'SIGQUIT',
        WorkingDir: '/srv',
        Healthcheck: { Test: ['CMD', 'true'], Retries: 2 },
      },
    });
    const { id } = await harness.create({
      config: { Env: ['A=own', 'C'], Labels: { a: 'own' }, Cmd: ['x'], Healthcheck: { Retries: 9 } },
    });
    const { config, path, args } = harness.get(id);
    expect([path, ...args]).toEqual(['/entry', 'x']);
    expect(config).toMatchObject({
      User: 'web',
      Env: ['A=own', 'C', 'PATH=/bin'],
      Labels: { a: 'own', b: 'image' },
      ExposedPorts: { '80/tcp': {} },
      StopSignal: 'SIGQUIT',
      WorkingDir: '/srv',
      Healthcheck: { Test: ['CMD', 'true'], Retries: 9 },
    });
  });

  test.each<[string, Partial<ContainerConfig>, string[]]>([
    ['nothing', {}, ['/entry', 'serve']],
    ['a command', { Cmd: ['x'] }, ['/entry', 'x']],
    ['an entry point', { Entrypoint: ['/own'] }, ['/own']],
    ['an empty entry point', { Entrypoint: [''], Cmd: ['x'] }, ['x']],
  ])('with %s takes the right words from the image', async (_, config, words) => {
    using harness = new Harness({ image: { Entrypoint: ['/entry'], Cmd: ['serve'] } });
    const { id } = await harness.create({ config });
    const { path, args } = harness.get(id);
    expect([path, ...args]).toEqual(words);
  });

  test('of a missing image, or one of another platform, is told apart', async () => {
    using harness = new Harness({ platform: { os: 'linux', architecture: 's390x' } });
    await expect(harness.create({ config: { Image: 'nope' } })).rejects.toThrow('No such image: nope:latest');
    const { warnings } = await harness.create();
    expect(warnings[0]).toStartWith(
      "The requested image's platform (linux/s390x) does not match the detected host platform (linux/",
    );
    await expect(harness.create({ platform: 'linux/arm64' })).rejects.toMatchObject({
      code: 'not-found',
      message:
        'image with reference busybox was found but its platform (linux/s390x) does not match the specified platform (linux/arm64)',
    });
  });
});

describe('create refuses', () => {
  test.each<[string, Partial<ContainerConfig>, Partial<HostConfig>]>([
    ['Minimum memory limit allowed is 6MB', {}, { Memory: 1024 }],
    [
      'Minimum memoryswap limit should be larger than memory limit, see usage',
      {},
      { Memory: 64 * MEBIBYTE, MemorySwap: MEBIBYTE },
    ],
    [
      'You should always set the Memory limit when using Memoryswap limit, see usage',
      {},
      { MemorySwap: 64 * MEBIBYTE },
    ],
    ['Invalid value: 101, valid memory swappiness range is 0-100', {}, { MemorySwappiness: 101 }],
    [
      'Conflicting options: Nano CPUs and CPU Period cannot both be set',
      {},
      { NanoCpus: 1e9, CpuPeriod: 10_000 },
    ],
    ['range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available', {}, { NanoCpus: 5e9 }],
    [
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
      {},
      { CpuPeriod: 10 },
    ],
    ['CPU cfs quota can not be less than 1ms (i.e. 1000)', {}, { CpuQuota: 10 }],
    ['kernel does not support CPU real-time scheduler', {}, { CpuRealtimePeriod: 1000 }],
    ['Invalid value a-b for cpuset cpus: invalid format: a-b', {}, { CpusetCpus: 'a-b' }],
    ['Range of blkio weight is from 10 to 1000', {}, { BlkioWeight: 5 }],
    ['SHM size can not be less than 0', {}, { ShmSize: -1 }],
    ['Invalid value 2000, range for oom score adj is [-1000, 1000]', {}, { OomScoreAdj: 2000 }],
    ['invalid IPC mode: sometimes', {}, { IpcMode: 'sometimes' }],
    ['invalid PID mode: private', {}, { PidMode: 'private' }],
    ['invalid UTS mode: x', {}, { UTSMode: 'x' }],
    ['invalid cgroup namespace mode: x', {}, { CgroupnsMode: 'x' }],
    ['invalid CapAdd: unknown capability: "CAP_FLY"', {}, { CapAdd: ['FLY'] }],
    ['invalid --security-opt 2: "colour=red"', {}, { SecurityOpt: ['colour=red'] }],
    ['invalid --security-opt 1: "colour"', {}, { SecurityOpt: ['colour'] }],
    ["invalid device cgroup rule format: 'c 1:1'", {}, { DeviceCgroupRules: ['c 1:1'] }],
    ['invalid ulimit type: x', {}, { Ulimits: [{ Name: 'x', Soft: 1, Hard: 1 }] }],
    ['unknown or invalid runtime name: kata', {}, { Runtime: 'kata' }],
    [
      "can't create 'AutoRemove' container with restart policy",
      {},
      { AutoRemove: true, RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } },
    ],
    [
      "invalid restart policy: maximum retry count can only be used with 'on-failure'",
      {},
      { RestartPolicy: { Name: 'always', MaximumRetryCount: 3 } },
    ],
    [
      "invalid restart policy: unknown policy 'maybe'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
      {},
      { RestartPolicy: { Name: 'maybe', MaximumRetryCount: 0 } },
    ],
    [
      'error looking up logging plugin x: plugin "x" not found',
      {},
      { LogConfig: { Type: 'x', Config: null } },
    ],
    [
      "unknown log opt 'x' for json-file log driver",
      {},
      { LogConfig: { Type: 'json-file', Config: { x: '1' } } },
    ],
    [
      'compress cannot be true when max-file is less than 2 or max-size is not set',
      {},
      { LogConfig: { Type: '', Config: { compress: 'true' } } },
    ],
    ['conflicting options: hostname and the network mode', { Hostname: 'x' }, { NetworkMode: 'container:y' }],
    ['conflicting options: dns and the network mode', {}, { NetworkMode: 'container:y', Dns: ['1.1.1.1'] }],
    ['conflicting options: hostname and the UTS mode', { Hostname: 'x' }, { UTSMode: 'host' }],
    ['invalid port specification: "x"', {}, { PortBindings: { 'x/tcp': [] } }],
    [
      'invalid port specification: "70000"',
      {},
      { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '70000' }] } },
    ],
    ['bad format for add-host: "x"', {}, { ExtraHosts: ['x'] }],
    ['invalid IP address in add-host: "y"', {}, { ExtraHosts: ['x:y'] }],
    ['invalid signal: NOPE', { StopSignal: 'NOPE' }, {}],
    ['invalid environment variable: =x', { Env: ['=x'] }, {}],
    ["the working directory 'srv' is invalid, it needs to be an absolute path", { WorkingDir: 'srv' }, {}],
    ['invalid MAC address x', { MacAddress: 'x' }, {}],
    ['No such container: y', {}, { PidMode: 'container:y' }],
    ["invalid volume specification: 'a:b:c:d'", {}, { Binds: ['a:b:c:d'] }],
    ["invalid volume specification: '/a:ro'", {}, { Binds: ['/a:ro'] }],
    ['invalid mode: sometimes', {}, { Binds: ['/a:/b:sometimes'] }],
    ['Duplicate mount point: /b', {}, { Binds: ['/a:/b', '/c:/b'] }],
    ["invalid specification: destination can't be '/'", {}, { Tmpfs: { '/': '' } }],
  ])('%s', async (message, config, hostConfig) => {
    expect(await refusal(config, hostConfig)).toBe(message);
  });

  test.each<[string, Mount]>([
    [
      'invalid mount config for type "bind": bind source path does not exist: /no/such',
      { Type: 'bind', Source: '/no/such', Target: '/x' },
    ],
    ['invalid mount config for type "bind": field Source must not be empty', { Type: 'bind', Target: '/x' }],
    [
      'invalid mount config for type "volume": must not set ReadOnly mode when using anonymous volumes',
      { Type: 'volume', Target: '/x', ReadOnly: true },
    ],
    [
      'invalid mount config for type "tmpfs": field BindOptions must not be specified',
      { Type: 'tmpfs', Target: '/x', BindOptions: {} },
    ],
    [
      'invalid mount config for type "tmpfs": invalid mount path: \'x\' mount path must be absolute',
      { Type: 'tmpfs', Target: 'x' },
    ],
    ['invalid mount config for type "cloud": mount type unknown', { Type: 'cloud', Target: '/x' }],
  ])('%s', async (message, mount) => {
    expect(await refusal({}, { Mounts: [mount] })).toBe(message);
  });

  test('an image without a command', async () => {
    using harness = new Harness({ image: {} });
    await expect(harness.create()).rejects.toThrow('no command specified');
  });
});

describe('create warns', () => {
  test('of what the host cannot do, and leaves it out', async () => {
    using harness = new Harness({
      runtime: new FakeRuntime({ memoryLimit: false, pidsLimit: false, cpuset: false }),
    });
    const { id, warnings } = await harness.create({
      hostConfig: { Memory: 64 * MEBIBYTE, PidsLimit: 10, CpusetCpus: '0' },
    });
    expect(warnings).toHaveLength(3);
    expect(harness.get(id).hostConfig).toMatchObject({ Memory: 0, PidsLimit: null, CpusetCpus: '' });
  });

  test('of ports that mean nothing on the network of the host', async () => {
    using harness = new Harness();
    const { warnings } = await harness.create({
      hostConfig: { NetworkMode: 'host', PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } },
    });
    expect(warnings).toEqual(['Published ports are discarded when using host network mode']);
  });
});

describe('mounts', () => {
  test('are shown as inspect shows them', async () => {
    using harness = new Harness({ image: { Cmd: ['sh'], Volumes: { '/data': {}, '/cache/': {} } } });
    const { id } = await harness.create({
      hostConfig: {
        Binds: ['/etc:/etc/host:ro', 'named:/data'],
        Mounts: [{ Type: 'tmpfs', Target: '/scratch' }],
      },
    });
    expect(harness.get(id).mounts).toMatchObject([
      {
        type: 'bind',
        source: '/etc',
        destination: '/etc/host',
        mode: 'ro',
        writable: false,
        propagation: 'rprivate',
      },
      { type: 'volume', name: 'named', driver: 'local', destination: '/data', mode: 'z', writable: true },
      { type: 'tmpfs', source: '', destination: '/scratch', writable: true },
      { type: 'volume', destination: '/cache', mode: '' },
    ]);
  });

  test('of other containers are borrowed, read-only if asked', async () => {
    using harness = new Harness();
    await harness.create({ name: 'owner', hostConfig: { Binds: ['named:/data'] } });
    const { id } = await harness.create({ hostConfig: { VolumesFrom: ['owner:ro'] } });
    expect(harness.get(id).mounts).toMatchObject([{ name: 'named', destination: '/data', writable: false }]);
    await expect(harness.create({ hostConfig: { VolumesFrom: ['nobody'] } })).rejects.toThrow(
      'No such container: nobody',
    );
  });

  test('that a failed create made are taken back', async () => {
    using harness = new Harness({ image: { Cmd: ['sh'], Volumes: { '/data': {} } } });
    harness.snapshots.failure = new Error('no space left');
    await expect(harness.create()).rejects.toThrow('no space left');
    expect(harness.volumes.list()).toEqual([]);
  });

  test('from around the data root propagate what is unmounted there', async () => {
    using harness = new Harness();
    const { id } = await harness.create({ hostConfig: { Binds: ['/:/host'] } });
    expect(harness.get(id).mounts[0]?.propagation).toBe('rslave');
  });

  test('from a missing source are made by -v, at the start', async () => {
    using harness = new Harness();
    const parent = mkdtempSync(join(tmpdir(), 'sampan-bind-'));
    try {
      await harness.run({ hostConfig: { Binds: [`${parent}/new:/x`] } });
      expect(existsSync(join(parent, 'new'))).toBe(true);
    } finally {
      rmSync(parent, { recursive: true });
    }
  });
});
