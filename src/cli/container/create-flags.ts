import { flag, type OptionsOf } from '../flag.ts';
import {
  bool,
  bytes,
  bytesOrUnlimited,
  duration,
  integer,
  list,
  map,
  text,
  uint16,
  uint64,
} from '../flag-types.ts';
import {
  checkAttach,
  checkDeviceRule,
  checkDnsSearch,
  checkEnvironment,
  checkExtraHost,
  checkIpAddress,
  checkLabel,
  checkLink,
  checkSysctl,
} from './checks.ts';
import { gpus } from './gpus.ts';
import { mounts } from './mounts.ts';
import { networks } from './networks.ts';
import { cpus, iopsDevices, rateDevices, ulimits, weightDevices } from './resource-flags.ts';

const cgroupnsUsage = `Cgroup namespace of the container (host|private)
'host':    that of the host
'private': one of its own
'':        what the daemon's default-cgroupns-mode
           says (default)`;

const PLATFORM_USAGE = 'Platform of the image, where there are several';

/** Everything that `run` and `create` can say about the new container. */
export const containerFlags = {
  'add-host': flag(list(checkExtraHost), '', 'Add a line to the hosts file (host:ip)'),
  annotation: flag(map(), '', 'Add an annotation, handed to the runtime'),
  attach: flag(list(checkAttach), 'a', 'Attach to STDIN, STDOUT or STDERR'),
  'blkio-weight': flag(uint16, '', 'Weight of block I/O, 10 to 1000; 0 leaves it alone (default 0)'),
  'blkio-weight-device': flag(weightDevices, '', 'Weight of block I/O for a device'),
  'cap-add': flag(list(), '', 'Add capabilities'),
  'cap-drop': flag(list(), '', 'Take capabilities away'),
  'cgroup-parent': flag(text(), '', 'Cgroup to put the container in'),
  cgroupns: flag(text(), '', cgroupnsUsage),
  cidfile: flag(text(), '', 'Write the container ID to this file'),
  'cpu-count': flag(integer(), '', 'Number of CPUs (Windows only)', { windowsOnly: true }),
  'cpu-percent': flag(integer(), '', 'Percentage of CPU (Windows only)', { windowsOnly: true }),
  'cpu-period': flag(integer(), '', 'Period of the CPU scheduler in microseconds'),
  'cpu-quota': flag(integer(), '', 'CPU time in each period in microseconds'),
  'cpu-rt-period': flag(integer(), '', 'Period of real-time scheduling in microseconds'),
  'cpu-rt-runtime': flag(integer(), '', 'Real-time CPU time in each period in microseconds'),
  'cpu-shares': flag(integer(), 'c', 'Relative weight of CPU time'),
  cpus: flag(cpus, '', 'Number of CPUs'),
  'cpuset-cpus': flag(text(), '', 'CPUs to run on (0-3, 0,1)'),
  'cpuset-mems': flag(text(), '', 'Memory nodes to use (0-3, 0,1)'),
  device: flag(list(), '', 'Add a device of the host'),
  'device-cgroup-rule': flag(list(checkDeviceRule), '', 'Allow devices by number'),
  'device-read-bps': flag(rateDevices, '', 'Limit reading from a device, in bytes per second'),
  'device-read-iops': flag(iopsDevices, '', 'Limit reading from a device, in operations per second'),
  'device-write-bps': flag(rateDevices, '', 'Limit writing to a device, in bytes per second'),
  'device-write-iops': flag(iopsDevices, '', 'Limit writing to a device, in operations per second'),
  'disable-content-trust': flag(bool(true), '', 'Do not check signatures of images'),
  dns: flag(list(checkIpAddress), '', 'Use these DNS servers'),
  'dns-opt': flag(list(), '', 'Set DNS options', { hidden: true, sameAs: 'dns-option' }),
  'dns-option': flag(list(), '', 'Set DNS options'),
  'dns-search': flag(list(checkDnsSearch), '', 'Search these domains'),
  domainname: flag(text(), '', 'NIS domain name of the container'),
  entrypoint: flag(text(), '', "Replace the image's ENTRYPOINT"),
  env: flag(list(checkEnvironment), 'e', 'Set environment variables'),
  'env-file': flag(list(), '', 'Set the environment variables of a file'),
  expose: flag(list(), '', 'Expose a port or a range of ports'),
  gpus: flag(gpus, '', "Add GPUs to the container ('all' for all of them)"),
  'group-add': flag(list(), '', 'Add the process to more groups'),
  'health-cmd': flag(text(), '', 'Command that checks the health'),
  'health-interval': flag(duration, '', 'Time between checks (ms|s|m|h) (default 0s)'),
  'health-retries': flag(integer(), '', 'Failures in a row that mean unhealthy'),
  'health-start-interval': flag(
    duration,
    '',
    'Time between checks in the start period (ms|s|m|h) (default 0s)',
  ),
  'health-start-period': flag(
    duration,
    '',
    'Time to start up, in which failures do not count (ms|s|m|h) (default 0s)',
  ),
  'health-timeout': flag(duration, '', 'Longest time that a check may take (ms|s|m|h) (default 0s)'),
  help: flag(bool(), '', 'Print usage'),
  hostname: flag(text(), 'h', 'Host name of the container'),
  init: flag(bool(), '', 'Start an init that forwards signals and reaps processes'),
  interactive: flag(bool(), 'i', 'Keep standard input open'),
  'io-maxbandwidth': flag(bytes, '', 'Limit I/O on the system drive in bytes per second (Windows only)', {
    windowsOnly: true,
  }),
  'io-maxiops': flag(uint64, '', 'Limit I/O on the system drive in operations per second (Windows only)', {
    windowsOnly: true,
  }),
  ip: flag(text(), '', 'IPv4 address (such as 172.30.100.104)'),
  ip6: flag(text(), '', 'IPv6 address (such as 2001:db8::33)'),
  ipc: flag(text(), '', 'IPC namespace'),
  isolation: flag(text(), '', 'Isolation technology'),
  'kernel-memory': flag(bytes, '', 'Limit of kernel memory'),
  label: flag(list(checkLabel), 'l', 'Set labels'),
  'label-file': flag(list(), '', 'Set the labels of a file, one a line'),
  link: flag(list(checkLink), '', 'Link to another container'),
  'link-local-ip': flag(list(), '', 'Link-local addresses, IPv4 or IPv6'),
  'log-driver': flag(text(), '', 'What keeps the log'),
  'log-opt': flag(list(), '', 'Options of the log driver'),
  'mac-address': flag(text(), '', 'MAC address (such as 92:d0:c6:0a:29:33)'),
  memory: flag(bytes, 'm', 'Limit of memory'),
  'memory-reservation': flag(bytes, '', 'Memory to leave to the container when it runs short'),
  'memory-swap': flag(bytesOrUnlimited, '', "Limit of memory and swap together; '-1' leaves swap unlimited"),
  'memory-swappiness': flag(integer(-1), '', 'How readily memory is swapped (0 to 100)'),
  mount: flag(mounts, '', 'Mount a file system'),
  name: flag(text(), '', 'Name of the container'),
  net: flag(networks, '', 'Connect to a network', { hidden: true, sameAs: 'network' }),
  'net-alias': flag(list(), '', 'Add a name in the network', { hidden: true, sameAs: 'network-alias' }),
  network: flag(networks, '', 'Connect to a network'),
  'network-alias': flag(list(), '', 'Add a name in the network'),
  'no-healthcheck': flag(bool(), '', "Leave out the image's health check"),
  'oom-kill-disable': flag(bool(), '', 'Do not kill processes when memory runs out'),
  'oom-score-adj': flag(integer(), '', "Adjust the kernel's choice of what to kill (-1000 to 1000)"),
  pid: flag(text(), '', 'PID namespace'),
  'pids-limit': flag(integer(), '', 'Limit of processes (-1 for none)'),
  platform: flag(text(), '', PLATFORM_USAGE),
  privileged: flag(bool(), '', 'Give the container all privileges'),
  publish: flag(list(), 'p', 'Publish ports on the host'),
  'publish-all': flag(bool(), 'P', 'Publish all exposed ports on free ports'),
  quiet: flag(bool(), 'q', 'Do not show how the image is pulled'),
  'read-only': flag(bool(), '', 'Mount the root file system read-only'),
  restart: flag(text('no'), '', 'When to start the container again'),
  rm: flag(bool(), '', 'Remove the container and its anonymous volumes when it ends'),
  runtime: flag(text(), '', 'Runtime to use'),
  'security-opt': flag(list(), '', 'Security options'),
  'shm-size': flag(bytes, '', 'Size of /dev/shm'),
  'stop-signal': flag(text(), '', 'Signal that asks the container to end'),
  'stop-timeout': flag(integer(), '', 'Seconds from that signal until it is killed'),
  'storage-opt': flag(list(), '', 'Options of the storage driver'),
  sysctl: flag(map(checkSysctl), '', 'Kernel settings'),
  tmpfs: flag(list(), '', 'Mount a tmpfs'),
  tty: flag(bool(), 't', 'Give the process a terminal'),
  ulimit: flag(ulimits, '', 'Limits of the process'),
  'use-api-socket': flag(bool(), '', "Mount the daemon's socket"),
  user: flag(text(), 'u', 'User name or ID (<name|uid>[:<group|gid>])'),
  userns: flag(text(), '', 'User namespace'),
  uts: flag(text(), '', 'UTS namespace'),
  volume: flag(list(), 'v', 'Mount a folder or a volume'),
  'volume-driver': flag(text(), '', 'Driver of volumes that are made'),
  'volumes-from': flag(list(), '', 'Mount the volumes of other containers'),
  workdir: flag(text(), 'w', 'Working directory'),
} as const;

/** Whether and when the image is pulled; the two commands word it differently. */
export function pullFlag(action: 'running' | 'creating') {
  return flag(text('missing'), '', `When to pull before ${action} ("always", "missing", "never")`);
}

export type ContainerOptions = OptionsOf<typeof containerFlags>;
