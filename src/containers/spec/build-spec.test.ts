import { describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeSpec } from '../../oci/runtime-spec.ts';
import { Harness, type Wish } from '../testing/harness.ts';
import { chooseCapabilities } from './capability-sets.ts';
import { overrideEnvironment } from './environment.ts';

async function specOf(wish: Wish, others: readonly Wish[] = []): Promise<RuntimeSpec> {
  using harness = new Harness();
  for (const other of others) await harness.run(other);
  await harness.run(wish);
  const bundle = harness.runtime.bundles.at(-1);
  if (bundle === undefined) throw new Error('nothing was started');
  return bundle.spec;
}

function mountAt(spec: RuntimeSpec, destination: string) {
  return spec.mounts.find((mount) => mount.destination === destination);
}

describe('the process', () => {
  test('has Docker’s variables first, overridden by name and taken away by a bare one', async () => {
    const spec = await specOf({
      config: {
        Tty: true,
        Hostname: 'box',
        Env: ['PATH=/bin', 'A=1', 'TERM'],
        User: 'web:www',
        WorkingDir: '/srv',
      },
      hostConfig: { GroupAdd: ['audio'], OomScoreAdj: 5, Ulimits: [{ Name: 'nofile', Soft: 10, Hard: 20 }] },
    });
    expect(spec.process).toMatchObject({
      terminal: true,
      args: ['sh'],
      env: ['PATH=/bin', 'HOSTNAME=box', 'A=1'],
      cwd: '/srv',
      user: { username: 'web:www', additionalGroups: ['audio'] },
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 20 }],
      noNewPrivileges: false,
      oomScoreAdj: 5,
    });
    expect(spec.hostname).toBe('box');
  });

  test('runs under an init that is bound from the host', async () => {
    const spec = await specOf({ hostConfig: { Init: true } });
    expect(spec.process.args).toEqual(['/sbin/docker-init', '--', 'sh']);
    expect(mountAt(spec, '/sbin/docker-init')).toMatchObject({
      source: '/usr/libexec/init',
      options: ['bind', 'ro'],
    });
    const host = await specOf({ hostConfig: { Init: true, PidMode: 'host' } });
    expect(host.process.args).toEqual(['sh']);
  });

  test.each<[string, Partial<Parameters<typeof chooseCapabilities>[0]>, number, string[], string[]]>([
    ['nothing', {}, 14, ['CAP_CHOWN'], ['CAP_SYS_ADMIN']],
    ['an added one', { CapAdd: ['CAP_NET_ADMIN'] }, 15, ['CAP_NET_ADMIN'], []],
    ['a dropped one', { CapDrop: ['CAP_CHOWN'] }, 13, [], ['CAP_CHOWN']],
    ['all dropped but one', { CapDrop: ['ALL'], CapAdd: ['CAP_KILL'] }, 1, ['CAP_KILL'], []],
    ['all added but one', { CapAdd: ['ALL'], CapDrop: ['CAP_B'] }, 1, ['CAP_A'], ['CAP_B']],
    ['privileges', { Privileged: true, CapDrop: ['CAP_A'] }, 2, ['CAP_A', 'CAP_B'], []],
  ])('with %s has the right capabilities', (_, wishes, size, present, absent) => {
    const all = { Privileged: false, CapAdd: null, CapDrop: null, ...wishes };
    const names = chooseCapabilities(all, () => ['CAP_A', 'CAP_B']);
    expect(names).toHaveLength(size);
    for (const name of present) expect(names).toContain(name);
    for (const name of absent) expect(names).not.toContain(name);
  });
});

describe('environment overriding', () => {
  test('keeps the order of what was there', () => {
    expect(overrideEnvironment(['A=1', 'B=2'], ['B=3', 'C=4', 'A'])).toEqual(['B=3', 'C=4']);
  });
});

describe('mounts', () => {
  test('have Docker’s defaults first and deeper paths after their parents', async () => {
    const spec = await specOf({
      hostConfig: { Binds: ['/etc:/a/b/c/d', '/usr:/a'], Tmpfs: { '/a/b': 'exec' } },
    });
    const destinations = spec.mounts.map(({ destination }) => destination);
    expect(destinations.slice(0, 7)).toEqual([
      '/proc',
      '/dev',
      '/dev/pts',
      '/sys',
      '/sys/fs/cgroup',
      '/dev/mqueue',
      '/dev/shm',
    ]);
    expect(destinations.indexOf('/a')).toBeLessThan(destinations.indexOf('/a/b'));
    expect(destinations.indexOf('/a/b')).toBeLessThan(destinations.indexOf('/a/b/c/d'));
    expect(mountAt(spec, '/a/b')?.options).toEqual(['nosuid', 'nodev', 'rprivate', 'exec']);
    expect(mountAt(spec, '/dev/shm')?.options).toContain('size=67108864');
  });

  test('give way to the user’s', async () => {
    const spec = await specOf({ hostConfig: { Binds: ['/dev:/dev', '/etc/hosts:/etc/hosts:ro'] } });
    expect(spec.mounts.filter(({ destination }) => destination.startsWith('/dev'))).toHaveLength(1);
    expect(spec.mounts.filter(({ destination }) => destination === '/etc/hosts')).toMatchObject([
      { source: '/etc/hosts', options: ['rbind', 'rro', 'rprivate'] },
    ]);
  });

  test('are read-only with a read-only root, but for the kernel’s own', async () => {
    const spec = await specOf({ hostConfig: { ReadonlyRootfs: true } });
    expect(spec.root.readonly).toBe(true);
    expect(mountAt(spec, '/etc/hosts')?.options).toContain('ro');
    expect(mountAt(spec, '/dev/shm')?.options).not.toContain('ro');
  });

  test('are writable for the privileged', async () => {
    const spec = await specOf({ hostConfig: { Privileged: true } });
    expect(mountAt(spec, '/sys')?.options).not.toContain('ro');
    expect(mountAt(spec, '/sys/fs/cgroup')?.options).not.toContain('ro');
    expect(spec.linux.maskedPaths).toEqual([]);
    expect(spec.linux.seccomp).toBeUndefined();
  });
});

describe('devices', () => {
  test('come from the host, through links, with their rules', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sampan-device-'));
    try {
      symlinkSync('/dev/null', join(directory, 'link'));
      const mapping = {
        PathOnHost: join(directory, 'link'),
        PathInContainer: '/dev/x',
        CgroupPermissions: 'r',
      };
      const { linux } = await specOf({
        hostConfig: { Devices: [mapping], DeviceCgroupRules: ['c 42:* rw'] },
      });
      expect(linux.devices).toMatchObject([{ path: '/dev/x', type: 'c', major: 1, minor: 3 }]);
      expect(linux.resources.devices?.slice(-2)).toEqual([
        { allow: true, type: 'c', major: 1, minor: 3, access: 'r' },
        { allow: true, type: 'c', major: 42, access: 'rw' },
      ]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('that the host does not have fail the start', async () => {
    const mapping = { PathOnHost: '/dev/nope', PathInContainer: '/dev/nope', CgroupPermissions: 'rwm' };
    await expect(specOf({ hostConfig: { Devices: [mapping] } })).rejects.toThrow(
      'error gathering device information while adding custom device "/dev/nope": no such file or directory',
    );
  });

  test('of a driver that is not there fail the start', async () => {
    const request = { Driver: '', Count: -1, DeviceIDs: null, Capabilities: [['gpu']], Options: null };
    await expect(specOf({ hostConfig: { DeviceRequests: [request] } })).rejects.toThrow(
      'could not select device driver "" with capabilities: [[gpu]]',
    );
  });
});

describe('resources', () => {
  test('are Docker’s in OCI’s terms', async () => {
    const { linux } = await specOf({
      hostConfig: {
        Memory: 64 << 20,
        NanoCpus: 15e8,
        CpuShares: 512,
        CpusetCpus: '0',
        PidsLimit: 7,
        BlkioWeight: 300,
      },
    });
    expect(linux.resources).toMatchObject({
      memory: { limit: 64 << 20, swap: 128 << 20 },
      cpu: { quota: 150_000, period: 100_000, shares: 512, cpus: '0' },
      pids: { limit: 7 },
      blockIO: { weight: 300 },
    });
    expect(linux.cgroupsPath).toMatch(/^\/sampan\/[0-9a-f]{64}$/);
    const moved = await specOf({ hostConfig: { CgroupParent: 'a/../../b' } });
    expect(moved.linux.cgroupsPath).toMatch(/^\/b\/[0-9a-f]{64}$/);
  });
});

describe('namespaces', () => {
  test('are new by default', async () => {
    const { linux } = await specOf({});
    expect(linux.namespaces.map(({ type }) => type)).toEqual(['mount', 'network', 'uts', 'pid', 'ipc']);
    expect(linux.sysctl).toMatchObject({ 'net.ipv4.ip_unprivileged_port_start': '0' });
  });

  test('of the host are left out', async () => {
    const { linux, hostname } = await specOf({
      hostConfig: { NetworkMode: 'host', PidMode: 'host', IpcMode: 'host', UTSMode: 'host' },
    });
    expect(linux.namespaces).toEqual([{ type: 'mount' }]);
    expect(linux.sysctl).toEqual({});
    expect(hostname).toBeUndefined();
  });

  test('of another container are joined, with its names, files and shared memory', async () => {
    const spec = await specOf(
      {
        hostConfig: {
          NetworkMode: 'container:donor',
          PidMode: 'container:donor',
          IpcMode: 'container:donor',
        },
      },
      [{ name: 'donor', config: { Hostname: 'donor-host' }, hostConfig: { IpcMode: 'shareable' } }],
    );
    expect(spec.linux.namespaces.filter(({ path }) => path !== undefined)).toEqual([
      { type: 'network', path: '/proc/100000/ns/net' },
      { type: 'pid', path: '/proc/100000/ns/pid' },
      { type: 'ipc', path: '/proc/100000/ns/ipc' },
    ]);
    expect(spec.hostname).toBe('donor-host');
    expect(mountAt(spec, '/dev/shm')).toMatchObject({ type: 'bind' });
  });

  test.each<[string, Wish, Wish]>([
    [
      'failed to join PID namespace: container ',
      { hostConfig: { PidMode: 'container:donor' } },
      { name: 'donor' },
    ],
    [
      'failed to join IPC namespace: container ',
      { hostConfig: { IpcMode: 'container:donor' } },
      { name: 'donor' },
    ],
    [
      'cannot join network namespace of a non running container: container donor is created',
      { hostConfig: { NetworkMode: 'container:donor' } },
      { name: 'donor' },
    ],
  ])('that cannot be joined fail the start: %s', async (message, wish, donor) => {
    using harness = new Harness();
    await harness.create(donor);
    await expect(harness.run(wish)).rejects.toThrow(message);
  });

  test('for IPC are only shared by whoever allows it', async () => {
    using harness = new Harness();
    await harness.run({ name: 'donor' });
    await expect(harness.run({ hostConfig: { IpcMode: 'container:donor' } })).rejects.toThrow(
      'non-shareable IPC (hint: use IpcMode:shareable for the donor container)',
    );
  });
});

describe('security options', () => {
  test('choose the filter and the privileges', async () => {
    const plain = await specOf({});
    expect(plain.linux.seccomp?.defaultAction).toBe('SCMP_ACT_ERRNO');
    const profile = JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] });
    const own = await specOf({ hostConfig: { SecurityOpt: [`seccomp=${profile}`, 'no-new-privileges'] } });
    expect(own.linux.seccomp).toEqual({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] });
    expect(own.process.noNewPrivileges).toBe(true);
    const open = await specOf({ hostConfig: { SecurityOpt: ['seccomp=unconfined'] } });
    expect(open.linux.seccomp).toBeUndefined();
    await expect(specOf({ hostConfig: { SecurityOpt: ['seccomp={'] } })).rejects.toThrow(
      'Decoding seccomp profile failed',
    );
  });

  test('take profiles that name one call in each rule', async () => {
    const profiled = (rule: object) => {
      const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ action: 'SCMP_ACT_ERRNO', ...rule }] };
      return specOf({ hostConfig: { SecurityOpt: [`seccomp=${JSON.stringify(profile)}`] } });
    };
    const { linux } = await profiled({ name: 'chmod' });
    expect(linux.seccomp?.syscalls).toEqual([{ action: 'SCMP_ACT_ERRNO', names: ['chmod'] }]);
    await expect(profiled({ name: 'chmod', names: ['chown'] })).rejects.toThrow(
      "use either 'name' or 'names'",
    );
  });
});
