import { describe, expect, test } from 'bun:test';
import { groupPath, parseLayout } from './layout.ts';

const none = (): string => '';

describe('parseLayout', () => {
  test('finds the hierarchies of version 1, each once', () => {
    const mountinfo = [
      '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
      '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct',
      '33 31 0:32 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory',
      '40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,xattr,release_agent=/x,name=systemd',
      '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
      '90 80 0:32 /box /box/memory ro - cgroup cgroup rw,memory',
      '',
    ].join('\n');
    expect(parseLayout(mountinfo, none)).toEqual({
      version: 1,
      hierarchies: [
        { name: 'cpu,cpuacct', mountpoint: '/sys/fs/cgroup/cpu,cpuacct', controllers: ['cpu', 'cpuacct'] },
        { name: 'memory', mountpoint: '/sys/fs/cgroup/memory', controllers: ['memory'] },
        { name: 'systemd', mountpoint: '/sys/fs/cgroup/systemd', controllers: ['name=systemd'] },
      ],
    });
  });

  test('takes version 2 where no controller is in version 1', () => {
    const mountinfo = [
      '40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,name=systemd',
      '41 31 0:38 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate',
    ].join('\n');
    expect(parseLayout(mountinfo, () => 'cpu memory pids\n')).toEqual({
      version: 2,
      mountpoint: '/sys/fs/cgroup',
      controllers: new Set(['cpu', 'memory', 'pids']),
    });
  });

  test('finds nothing where nothing is mounted', () => {
    expect(parseLayout('1 0 0:1 / / rw - ext4 /dev/vda rw\n', none)).toBeUndefined();
  });
});

describe('groupPath', () => {
  test.each([
    ['/sampan/abc', '/sampan/abc'],
    ['sampan/abc', '/sampan/abc'],
    ['system.slice:sampan:abc', '/system.slice/sampan-abc.scope'],
    [':sampan:abc', '/system.slice/sampan-abc.scope'],
    ['user-1000.slice:sampan:abc', '/user.slice/user-1000.slice/sampan-abc.scope'],
  ])('%s is %s', (given, path) => expect(groupPath(given)).toBe(path));
});
