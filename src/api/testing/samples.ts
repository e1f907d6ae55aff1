import type { Container } from '../../containers/contract.ts';
import type { SystemFacts } from '../../engine/contract.ts';
import type { Image } from '../../images/contract.ts';
import type { Network } from '../../network/contract.ts';
import { ContainerConfig, HostConfig } from '../../wire/container-config.ts';

export const containerId = 'abcdef0123456789'.repeat(4);
export const imageId = `sha256:${'1'.repeat(64)}` as const;
const networkId = '2'.repeat(64);

/** A running container with a published port, but for what is given. */
export function container(changes: Partial<Container> = {}): Container {
  return {
    id: containerId,
    name: 'web',
    created: new Date('2026-01-02T03:04:05Z'),
    createdNano: BigInt(Date.parse('2026-01-02T03:04:05Z')) * 1_000_000n + 120_000_000n,
    imageId,
    platform: 'linux/amd64',
    path: 'sh',
    args: ['-c', 'sleep 1000'],
    config: {
      ...ContainerConfig.zero(),
      Image: 'busybox',
      Hostname: 'abcdef012345',
      ExposedPorts: { '80/tcp': {}, '90/udp': {} },
      Labels: { tier: 'front' },
    },
    hostConfig: { ...HostConfig.zero(), NetworkMode: 'bridge', PortBindings: {}, Dns: [] },
    networking: null,
    state: {
      status: 'running',
      pid: 4711,
      exitCode: 0,
      error: '',
      oomKilled: false,
      startedAt: '2026-01-02T03:04:06.5Z',
      finishedAt: '0001-01-01T00:00:00Z',
    },
    restartCount: 0,
    driver: 'erofs',
    driverData: {},
    mounts: [],
    networks: {
      bridge: {
        networkId,
        endpoint: {
          networkId,
          networkName: 'bridge',
          endpointId: '3'.repeat(64),
          containerId,
          containerName: 'web',
          macAddress: '02:42:ac:11:00:02',
          ipv4Address: '172.17.0.2',
          ipv4PrefixLength: 16,
          gateway: '172.17.0.1',
          ipv6Address: '',
          ipv6PrefixLength: 0,
          ipv6Gateway: '',
          interfaceName: 'eth0',
          hostInterface: 'veth0',
          names: [],
          links: {},
          ports: [
            { protocol: 'tcp', containerPort: 80, hostAddress: '0.0.0.0', hostPort: 8080 },
            { protocol: 'tcp', containerPort: 80, hostAddress: '::', hostPort: 8080 },
          ],
        },
      },
    },
    execIds: [],
    files: { resolvConf: '', hostname: '', hosts: '', log: '' },
    ...changes,
  };
}

export function image(changes: Partial<Image> = {}): Image {
  return {
    id: imageId,
    config: {
      architecture: 'amd64',
      os: 'linux',
      created: '2026-01-01T00:00:00Z',
      config: { Cmd: ['sh'], Env: ['PATH=/bin'], Labels: { maker: 'us' } },
      rootfs: { type: 'layers', diff_ids: [`sha256:${'4'.repeat(64)}`] },
    },
    tags: ['busybox:latest'],
    digests: [],
    size: 1234,
    created: new Date('2026-01-01T00:00:00Z'),
    lastTagged: undefined,
    parent: undefined,
    platform: { architecture: 'amd64', os: 'linux' },
    manifest: undefined,
    ...changes,
  };
}

export function network(changes: Partial<Network> = {}): Network {
  return {
    id: networkId,
    name: 'bridge',
    driver: 'bridge',
    created: new Date('2026-01-01T00:00:00Z'),
    scope: 'local',
    internal: false,
    attachable: false,
    configOnly: false,
    configFrom: '',
    enableIPv4: true,
    enableIPv6: false,
    ownsInterface: true,
    options: {},
    labels: {},
    ipam: [
      {
        subnet: '172.17.0.0/16',
        gateway: '172.17.0.1',
        ipRange: '',
        auxiliary: {},
        chosen: { subnet: false, gateway: false },
      },
    ],
    ipamOptions: null,
    ...changes,
  };
}

export const facts: SystemFacts = {
  id: 'fake',
  version: '0.1.0',
  commit: 'abc',
  buildTime: '',
  bunVersion: '1.4.5',
  name: 'host',
  kernelVersion: '6.18.0',
  operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
  osVersion: '12',
  architecture: 'amd64',
  host: {
    cgroupVersion: 1,
    cgroupControllers: new Set(['memory']),
    kernelVersion: '6.18.0',
    seccomp: true,
    appArmor: false,
    memoryLimit: true,
    swapLimit: true,
    kernelMemoryTcp: true,
    cpuCfs: true,
    cpuShares: true,
    cpuset: true,
    pidsLimit: true,
    blkioWeight: true,
    oomKillDisable: true,
    cpuRealtime: false,
    processors: 2,
    memoryBytes: 4_000_000_000,
  },
  storageDriver: 'erofs',
  storageStatus: [['Backing Filesystem', 'ext4']],
  cgroupDriver: 'cgroupfs',
  dataRoot: '/var/lib/sampan',
  labels: [],
  debug: false,
  registryMirrors: [],
  insecureRegistries: [],
  ipv4Forwarding: true,
  openFiles: 20,
  warnings: [],
  proxies: { http: '', https: '', no: '' },
};
