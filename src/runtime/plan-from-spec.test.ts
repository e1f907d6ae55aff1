import { describe, expect, test } from 'bun:test';
import { DEFAULT_CAPABILITIES } from '../oci/capabilities.ts';
import { defaultMounts, MASKED_PATHS, READONLY_PATHS } from '../oci/defaults.ts';
import type { RuntimeSpec, SpecLinux, SpecMount } from '../oci/runtime-spec.ts';
import {
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  MOUNT_ATTR_RDONLY,
} from '../plan/constants.ts';
import type { Operation, OperationName, Plan } from '../plan/operations.ts';
import { CgroupsV1 } from './cgroup/v1.ts';
import { CgroupsV2 } from './cgroup/v2.ts';
import type { Bundle } from './contract.ts';
import { encodeDevice } from './devices-plan.ts';
import { planFromSpec } from './plan-from-spec.ts';

const version1 = new CgroupsV1([
  { name: 'cpu,cpuacct', mountpoint: '/sys/fs/cgroup/cpu,cpuacct', controllers: ['cpu', 'cpuacct'] },
  { name: 'memory', mountpoint: '/sys/fs/cgroup/memory', controllers: ['memory'] },
]);
const version2 = new CgroupsV2('/sys/fs/cgroup', new Set(['memory']));

interface Wishes {
  readonly spec?: Partial<RuntimeSpec>;
  readonly linux?: Partial<SpecLinux>;
  readonly bundle?: Partial<Bundle>;
}

function planOf(wishes: Wishes = {}, cgroups: CgroupsV1 | CgroupsV2 = version1): Plan {
  const names = [...DEFAULT_CAPABILITIES];
  const spec: RuntimeSpec = {
    ociVersion: '1.2.0',
    process: {
      terminal: false,
      args: ['true'],
      env: [],
      cwd: '/',
      user: { uid: 5, gid: 6 },
      noNewPrivileges: true,
      capabilities: { bounding: names, effective: names, permitted: names, inheritable: [], ambient: [] },
    },
    root: { path: '/', readonly: true },
    hostname: 'box',
    mounts: defaultMounts(),
    linux: {
      namespaces: [{ type: 'mount' }, { type: 'pid' }, { type: 'network' }],
      devices: [],
      cgroupsPath: '/sampan/x',
      resources: { memory: { limit: 1000 } },
      sysctl: { 'net.ipv4.ip_forward': '1' },
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
      ...wishes.linux,
    },
    ...wishes.spec,
  };
  const bundle: Bundle = {
    id: 'x',
    spec,
    rootfs: [
      {
        op: 'overlay',
        target: '/r',
        layersDir: '/l',
        lower: ['a'],
        upper: '',
        work: '',
        options: [],
        attributes: 0,
      },
    ],
    rootTarget: '/r',
    network: {},
    streams: { terminal: false, stdin: false, stdinOnce: false, size: { rows: 0, columns: 0 } },
    log: undefined,
    ...wishes.bundle,
  };
  const filter = { program: new Uint8Array(8), flags: 4 };
  return planFromSpec({ bundle, cgroups, filter, supervision: [], rootMountpoint: '/data' });
}

/** Where the first step of this kind is; the test fails if there is none. */
function at(steps: readonly Operation[], matches: (step: Operation) => boolean): number {
  const index = steps.findIndex(matches);
  expect(index).toBeGreaterThanOrEqual(0);
  return index;
}

function first(steps: readonly Operation[], op: OperationName): number {
  return at(steps, (step) => step.op === op);
}

describe('the child stage', () => {
  test('goes from joining the cgroup to the program in the order that privileges allow', () => {
    const { child } = planOf();
    const order: OperationName[] = [
      'write',
      'setAttributes',
      'overlay',
      'open',
      'mount',
      'mknod',
      'hostname',
      'sysctl',
      'protect',
      'mask',
      'resolveUser',
      'pivot',
      'workingDirectory',
      'capabilities',
      'noNewPrivileges',
      'seccomp',
      'setUser',
      'exec',
    ];
    const places = order.map((op) => first(child, op));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places.at(-1)).toBe(child.length - 1);
  });

  test('makes the root read-only after everything that has to be made in it', () => {
    const { child } = planOf();
    const lock = child.findLastIndex((step) => step.op === 'setAttributes' && step.path === '/');
    expect(child[lock]).toMatchObject({ set: MOUNT_ATTR_RDONLY });
    expect(lock).toBeGreaterThan(first(child, 'workingDirectory'));
    expect(lock).toBeLessThan(first(child, 'setUser'));
  });

  test('makes a read-only tmpfs so after what is mounted in it', () => {
    const { child } = planOf();
    const isLock = (step: Operation): boolean =>
      step.op === 'setAttributes' && step.path === '/sys/fs/cgroup';
    const isMount = (step: Operation): boolean => step.op === 'mount' && step.path === '/sys/fs/cgroup';
    const shown = at(child, (step) => step.op === 'bind' && step.path === '/sys/fs/cgroup/memory');
    expect(at(child, isMount)).toBeLessThan(shown);
    expect(at(child, isLock)).toBeGreaterThan(shown);
    expect(child).toContainEqual({
      op: 'symlink',
      root: 58,
      path: '/sys/fs/cgroup/cpu',
      target: 'cpu,cpuacct',
    });
  });

  test('has the numeric user of the spec when it has no name', () => {
    expect(planOf().child).toContainEqual({ op: 'resolveUser', root: 58, user: '5:6', extraGroups: [] });
  });

  test('fills /dev unless it is bound from elsewhere', () => {
    const nodes = (plan: Plan): number => plan.child.filter((step) => step.op === 'mknod').length;
    const bound: SpecMount = { destination: '/dev', type: 'bind', source: '/dev', options: ['rbind'] };
    expect(nodes(planOf())).toBe(6);
    expect(nodes(planOf({ spec: { mounts: [bound] } }))).toBe(0);
  });

  test('cuts only the mount below the root off when mounts are shared with the host', () => {
    const plan = planOf({ linux: { rootfsPropagation: 'shared' } });
    expect(plan.child.find((step) => step.op === 'setAttributes')).toMatchObject({
      path: '/data',
      recursive: 0,
    });
  });
});

describe('the cgroup', () => {
  test('of version 1 is joined by the process itself', () => {
    const plan = planOf();
    expect(plan.before).toContainEqual({
      op: 'mkdir',
      dir: -1,
      path: '/sys/fs/cgroup/memory/sampan/x',
      mode: 0o755,
    });
    expect(plan.child[0]).toMatchObject({ op: 'write', path: '/sys/fs/cgroup/cpu,cpuacct/sampan/x/tasks' });
    expect(plan.after).toContainEqual({ op: 'removeCgroup', path: '/sys/fs/cgroup/memory/sampan/x' });
  });

  test('of version 1 is joined by the parent for a process in its own user namespace', () => {
    const mapping = [{ containerID: 0, hostID: 1000, size: 1 }];
    const namespaces = [{ type: 'mount' as const }, { type: 'user' as const }, { type: 'network' as const }];
    const plan = planOf({ linux: { namespaces, uidMappings: mapping, gidMappings: mapping } });
    expect(plan.parent.map((step) => step.op)).toEqual(['writePid', 'writePid', 'writeChild', 'writeChild']);
    expect(plan.child[0]?.op).toBe('setAttributes');
    expect(plan.child.some((step) => step.op === 'mknod')).toBe(false);
  });

  test('of version 2 is where the process is born', () => {
    const plan = planOf({}, version2);
    expect(plan.before.at(-1)).toMatchObject({ op: 'clone', cgroup: 59 });
    expect(plan.before).toContainEqual(
      expect.objectContaining({ op: 'open', slot: 59, path: '/sys/fs/cgroup/sampan/x' }),
    );
    expect(plan.child[0]?.op).toBe('setAttributes');
  });
});

describe('namespaces', () => {
  test('that are new come with the process, joined ones before anything else', () => {
    const namespaces = [
      { type: 'mount' as const },
      { type: 'pid' as const, path: '/proc/7/ns/pid' },
      { type: 'network' as const },
    ];
    const plan = planOf({ linux: { namespaces } }, version2);
    expect(plan.before.at(-1)).toMatchObject({ op: 'clone', flags: CLONE_NEWNS | CLONE_NEWNET });
    expect(plan.child.slice(0, 2)).toEqual([{ op: 'setns', slot: 50, type: CLONE_NEWPID }, { op: 'fork' }]);
  });

  test('belong to a user namespace that is joined', () => {
    const namespaces = [
      { type: 'user' as const, path: '/proc/7/ns/user' },
      { type: 'mount' as const },
      { type: 'network' as const },
    ];
    const plan = planOf({ linux: { namespaces } }, version2);
    expect(plan.before.at(-1)).toMatchObject({ op: 'clone', flags: 0 });
    expect(plan.child.slice(0, 2)).toEqual([
      { op: 'setns', slot: 50, type: CLONE_NEWUSER },
      { op: 'unshare', flags: CLONE_NEWNS | CLONE_NEWNET },
    ]);
  });
});

describe('the network', () => {
  test('is made beside the child stage and undone before the cgroup goes', () => {
    const step: Operation = { op: 'close', slot: 1 };
    const plan = planOf({ bundle: { network: { parent: [step], after: [step] } } });
    expect(plan.parent.slice(-2)).toEqual([{ op: 'release' }, step]);
    expect(plan.after[0]).toBe(step);
  });

  test('holds the child back until its namespaces are open: it may end, leaving a successor', () => {
    const open: Operation = { op: 'openChildNamespace', slot: 2, type: 'net' };
    const step: Operation = { op: 'close', slot: 2 };
    const plan = planOf({ bundle: { network: { parent: [open, step] } } });
    expect(plan.parent.slice(-3)).toEqual([open, { op: 'release' }, step]);
  });
});

describe('a mount', () => {
  const plain = { type: 'bind', source: '/x', options: ['rbind', 'rprivate'] };
  const mounts = (destination: string, more: Partial<SpecMount> = {}): Wishes => ({
    spec: { mounts: [{ destination, ...plain, ...more }] },
  });

  test.each(['/proc/x', '/proc/sys/kernel', '/a/../proc/1', '/proc//self'])(
    'on %s is refused',
    (destination) => {
      expect(() => planOf(mounts(destination))).toThrow('cannot be mounted because it is inside /proc');
    },
  );

  test('on /proc has to be of type proc', () => {
    expect(() => planOf(mounts('/proc/'))).toThrow('cannot be mounted because it is not of type proc');
    expect(() => planOf(mounts('/proc', { source: '/proc' }))).not.toThrow();
  });

  test.each(['/proc/cpuinfo', '/proc/uptime', '/procession'])('on %s is fine', (destination) => {
    expect(() => planOf(mounts(destination))).not.toThrow();
  });
});

test('encodeDevice packs numbers as the C library does', () => {
  expect(encodeDevice(1, 3)).toBe(0x103n);
  expect(encodeDevice(0x12345, 0xabcde)).toBe(0x12000abc345den);
});
