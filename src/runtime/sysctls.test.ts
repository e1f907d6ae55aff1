import { describe, expect, test } from 'bun:test';
import type { NamespaceType } from '../oci/runtime-spec.ts';
import { planSysctls } from './sysctls.ts';

const own = new Set<NamespaceType>(['network', 'ipc', 'uts']);
const shared = new Set<NamespaceType>();

describe('planSysctls', () => {
  test.each([
    ['net.ipv4.ip_forward', 'net/ipv4/ip_forward'],
    ['net/ipv4/conf/eth0.1/forwarding', 'net/ipv4/conf/eth0.1/forwarding'],
    ['net.ipv4.conf.eth0/1.forwarding', 'net/ipv4/conf/eth0.1/forwarding'],
    ['kernel.shmmax', 'kernel/shmmax'],
    ['fs.mqueue.msg_max', 'fs/mqueue/msg_max'],
    ['kernel.domainname', 'kernel/domainname'],
  ])('%s is %s', (name, path) => {
    expect(planSysctls({ [name]: '1' }, own)).toEqual([{ op: 'sysctl', path, value: '1' }]);
  });

  test.each([
    ['kernel.panic', own, 'sysctl "kernel.panic" is not in a separate kernel namespace'],
    ['vm.swappiness', own, 'sysctl "vm.swappiness" is not in a separate kernel namespace'],
    ['net.ipv4.ip_forward', shared, 'sysctl "net.ipv4.ip_forward" not allowed in host network namespace'],
    ['kernel.sem', shared, 'sysctl "kernel.sem" is not allowed in the hosts ipc namespace'],
    ['kernel.domainname', shared, 'sysctl "kernel.domainname" is not in a separate kernel namespace'],
    [
      'user.max_user_namespaces',
      own,
      'sysctl "user.max_user_namespaces" is not allowed in the hosts user namespace',
    ],
  ])('%s is refused', (name, separate, message) => {
    expect(() => planSysctls({ [name]: '1' }, separate)).toThrow(message);
  });
});
