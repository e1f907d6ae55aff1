import { buildAnswer } from './canned-builds.ts';
import { fileAnswer } from './canned-files.ts';
import { registryAnswer } from './canned-registries.ts';
import { type Answer, frame, type RecordedRequest, type Responder } from './fake-daemon.ts';

/** Answers in the shape of dockerd 28's. Times are relative to now, so that "3 hours ago" stays true. */

const hour = 3600;
const ago = (seconds: number): number => Math.floor(Date.now() / 1000) - seconds;
const webId = '5f'.repeat(32);
const idleId = 'a0'.repeat(32);
const imageId = `sha256:${'b1'.repeat(32)}`;
const failure = (status: number, message: string): Answer => ({ status, body: { message } });

function containers() {
  const endpoint = {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    MacAddress: '',
    DriverOpts: null,
    GwPriority: 0,
    NetworkID: 'n'.repeat(64),
    EndpointID: '',
    Gateway: '',
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  };
  const common = {
    HostConfig: { NetworkMode: 'bridge' },
    NetworkSettings: { Networks: { bridge: endpoint } },
  };
  return [
    {
      Id: webId,
      Names: ['/web', '/front/web'],
      Image: 'registry.example:5000/team/web:1.2',
      ImageID: imageId,
      Command: 'nginx -g "daemon off;" with more words',
      Created: ago(3 * hour + 10),
      Ports: [
        { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
        { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
        { IP: '0.0.0.0', PrivatePort: 443, PublicPort: 443, Type: 'tcp' },
        { IP: '0.0.0.0', PrivatePort: 444, PublicPort: 444, Type: 'tcp' },
        { PrivatePort: 53, Type: 'udp' },
        { PrivatePort: 54, Type: 'udp' },
      ],
      Labels: { 'com.example.tier': 'front', a: 'b' },
      State: 'running',
      Status: 'Up 3 hours',
      SizeRw: 12345,
      SizeRootFs: 9876543,
      Mounts: [
        {
          Type: 'volume',
          Name: 'a-rather-long-volume-name',
          Source: '',
          Destination: '/v',
          Driver: 'local',
          Mode: 'z',
          RW: true,
          Propagation: '',
        },
        { Type: 'bind', Source: '/srv', Destination: '/srv', Mode: '', RW: false, Propagation: 'rprivate' },
      ],
      ...common,
    },
    {
      Id: idleId,
      Names: ['/idle'],
      Image: imageId,
      ImageID: imageId,
      Command: 'sleep 1 \u2026 \u4e16\u754c',
      Created: ago(40 * 24 * hour + 10),
      Ports: [],
      Labels: {},
      State: 'exited',
      Status: 'Exited (0) 5 weeks ago',
      Mounts: [],
      ...common,
    },
  ];
}

function containerInspect(name: string) {
  const tty = name === 'ttyc';
  return {
    Id: webId,
    Created: '2025-05-30T12:07:14.123456789Z',
    Path: 'nginx',
    Args: ['-g', 'daemon off;'],
    State: {
      Status: name === 'stopped' ? 'exited' : 'running',
      Running: name !== 'stopped',
      Paused: name === 'pausedc',
      Restarting: false,
      OOMKilled: false,
      Dead: false,
      Pid: 4711,
      ExitCode: 0,
      Error: '',
      StartedAt: '2025-05-30T12:07:15Z',
      FinishedAt: '0001-01-01T00:00:00Z',
    },
    Image: imageId,
    ResolvConfPath: '/r',
    HostnamePath: '/h',
    HostsPath: '/hosts',
    LogPath: '/l',
    Name: `/${name}`,
    RestartCount: 0,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: {
      Binds: ['/a:/b'],
      ContainerIDFile: '',
      LogConfig: { Type: 'json-file', Config: {} },
      NetworkMode: 'bridge',
      PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] },
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      AutoRemove: false,
      Memory: 9223372036854772000,
      NanoCpus: 500000000,
      OomKillDisable: null,
      PidsLimit: null,
      Ulimits: [{ Name: 'nofile', Hard: 20, Soft: 10 }],
      Dns: [],
    },
    GraphDriver: { Data: { MergedDir: '/m' }, Name: 'overlay2' },
    Mounts: [{ Type: 'bind', Source: '/a', Destination: '/b', Mode: '', RW: true, Propagation: 'rprivate' }],
    Config: {
      Hostname: 'h',
      Domainname: '',
      User: '',
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      Tty: tty,
      OpenStdin: name === 'open',
      StdinOnce: false,
      Env: ['A=1', 'B=<2>&'],
      Cmd: ['nginx'],
      Image: 'web',
      Volumes: null,
      WorkingDir: '',
      Entrypoint: null,
      OnBuild: null,
      Labels: { a: 'b', 'com.example.tier': 'front' },
      ExposedPorts: { '80/tcp': {} },
    },
    NetworkSettings: {
      Bridge: '',
      SandboxID: '',
      SandboxKey: '',
      Ports: {
        '80/tcp': [
          { HostIp: '0.0.0.0', HostPort: '8080' },
          { HostIp: '::', HostPort: '8080' },
        ],
        '443/tcp': [{ HostIp: '127.0.0.1', HostPort: '443' }],
        '53/udp': null,
      },
      IPAddress: '172.17.0.2',
      Networks: {
        bridge: {
          IPAMConfig: null,
          Links: null,
          Aliases: null,
          MacAddress: '02:42:ac:11:00:02',
          NetworkID: 'n',
          EndpointID: 'e',
          Gateway: '172.17.0.1',
          IPAddress: '172.17.0.2',
          IPPrefixLen: 16,
          IPv6Gateway: '',
          GlobalIPv6Address: '',
          GlobalIPv6PrefixLen: 0,
          DriverOpts: null,
          DNSNames: null,
        },
      },
    },
  };
}

const images = () => [
  {
    Containers: -1,
    Created: ago(26 * hour),
    Id: imageId,
    Labels: null,
    ParentId: '',
    RepoDigests: [`registry.example:5000/team/web@sha256:${'c2'.repeat(32)}`],
    RepoTags: ['registry.example:5000/team/web:1.2', 'registry.example:5000/team/web:latest'],
    SharedSize: -1,
    Size: 187654321,
  },
  {
    Containers: 2,
    Created: ago(90),
    Id: `sha256:${'d3'.repeat(32)}`,
    Labels: { a: 'b' },
    ParentId: '',
    RepoDigests: [],
    RepoTags: ['busybox:latest'],
    SharedSize: 1000,
    Size: 4261550,
  },
  {
    Containers: -1,
    Created: ago(3 * 365 * 24 * hour),
    Id: `sha256:${'e4'.repeat(32)}`,
    Labels: null,
    ParentId: '',
    RepoDigests: [],
    RepoTags: [],
    SharedSize: -1,
    Size: 999,
  },
  {
    Containers: -1,
    Created: ago(70 * 60),
    Id: `sha256:${'f5'.repeat(32)}`,
    Labels: null,
    ParentId: '',
    RepoDigests: [`alpine@sha256:${'06'.repeat(32)}`],
    RepoTags: [],
    SharedSize: -1,
    Size: 999950,
  },
];

const history = () => [
  {
    Comment: 'buildkit.dockerfile.v0',
    Created: ago(26 * hour),
    CreatedBy: 'CMD ["nginx" "-g" "daemon off;"]',
    Id: imageId,
    Size: 0,
    Tags: ['web:1.2'],
  },
  {
    Comment: '',
    Created: ago(27 * hour),
    CreatedBy: '/bin/sh -c #(nop)\tADD file:0123456789abcdef in / with many more words than fit',
    Id: '<missing>',
    Size: 74800000,
    Tags: null,
  },
  { Comment: '', Created: 0, CreatedBy: 'scratch', Id: '<missing>', Size: 12, Tags: null },
];

const network = (name: string) => ({
  Name: name,
  Id: `${name}-${'7'.repeat(60)}`.slice(0, 64),
  Created: '2025-05-30T12:07:14.5Z',
  Scope: 'local',
  Driver: name === 'none' ? 'null' : name,
  EnableIPv4: true,
  EnableIPv6: false,
  IPAM: { Driver: 'default', Options: null, Config: [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }] },
  Internal: false,
  Attachable: false,
  Ingress: false,
  ConfigFrom: { Network: '' },
  ConfigOnly: false,
  Containers: {},
  Options: { a: 'b' },
  Labels: { x: 'y' },
});

const volume = (name: string) => ({
  CreatedAt: '2025-05-30T12:07:14Z',
  Driver: 'local',
  Labels: { l: name },
  Mountpoint: `/var/${name}/_data`,
  Name: name,
  Options: null,
  Scope: 'local',
});

const cpu = (total: number, system: number) => ({
  cpu_usage: { total_usage: total, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  system_cpu_usage: system,
  online_cpus: 4,
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
});

const stats = (name: string) => ({
  read: '2025-05-30T12:07:14Z',
  preread: '2025-05-30T12:07:13Z',
  name: `/${name}`,
  id: webId,
  num_procs: 0,
  pids_stats: { current: 7, limit: 100 },
  storage_stats: {},
  blkio_stats: {
    io_service_bytes_recursive: [
      { major: 8, minor: 0, op: 'read', value: 1234567 },
      { major: 8, minor: 0, op: 'write', value: 999 },
    ],
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  },
  cpu_stats: cpu(2_000_000_000, 40_000_000_000),
  precpu_stats: cpu(1_500_000_000, 36_000_000_000),
  memory_stats: { usage: 52_428_800, limit: 1_073_741_824, stats: { inactive_file: 2_097_152 } },
  networks: {
    eth0: {
      rx_bytes: 1500,
      rx_packets: 0,
      rx_errors: 0,
      rx_dropped: 0,
      tx_bytes: 2_500_000,
      tx_packets: 0,
      tx_errors: 0,
      tx_dropped: 0,
    },
  },
});

const version = {
  Platform: { Name: 'Docker Engine - Community' },
  Components: [
    {
      Name: 'Engine',
      Version: '28.5.2',
      Details: {
        ApiVersion: '1.51',
        Arch: 'amd64',
        BuildTime: '2025-11-05T14:43:18.000000000+00:00',
        Experimental: 'false',
        GitCommit: '89c5e8f',
        GoVersion: 'go1.25.3',
        KernelVersion: '6.18',
        MinAPIVersion: '1.24',
        Os: 'linux',
      },
    },
    { Name: 'runc', Version: '1.3.3', Details: { GitCommit: 'v1.3.3-0-gd842d771', Zebra: '1' } },
  ],
  Version: '28.5.2',
  ApiVersion: '1.51',
  MinAPIVersion: '1.24',
  GitCommit: '89c5e8f',
  GoVersion: 'go1.25.3',
  Os: 'linux',
  Arch: 'amd64',
  KernelVersion: '6.18',
  BuildTime: '2025-11-05T14:43:18.000000000+00:00',
};

const info = {
  ID: 'c0ffee',
  Containers: 3,
  ContainersRunning: 1,
  ContainersPaused: 0,
  ContainersStopped: 2,
  Images: 4,
  Driver: 'overlay2',
  DriverStatus: [
    ['Backing Filesystem', 'extfs'],
    ['Supports d_type', 'true'],
  ],
  Plugins: {
    Volume: ['local'],
    Network: ['bridge', 'host'],
    Authorization: null,
    Log: ['json-file', 'none'],
  },
  MemoryLimit: true,
  SwapLimit: true,
  CpuCfsPeriod: true,
  CpuCfsQuota: true,
  CPUShares: true,
  CPUSet: true,
  PidsLimit: true,
  IPv4Forwarding: true,
  Debug: false,
  NFd: 24,
  OomKillDisable: false,
  NGoroutines: 40,
  SystemTime: '2025-05-30T12:07:14Z',
  LoggingDriver: 'json-file',
  CgroupDriver: 'systemd',
  CgroupVersion: '2',
  NEventsListener: 0,
  KernelVersion: '6.18',
  OperatingSystem: 'Debian GNU/Linux 12 (bookworm)',
  OSVersion: '12',
  OSType: 'linux',
  Architecture: 'x86_64',
  IndexServerAddress: 'https://index.docker.io/v1/',
  RegistryConfig: {
    InsecureRegistryCIDRs: ['127.0.0.0/8'],
    IndexConfigs: {
      'docker.io': { Name: 'docker.io', Mirrors: ['https://mirror.example/'], Secure: true, Official: true },
    },
    Mirrors: ['https://mirror.example/'],
  },
  NCPU: 4,
  MemTotal: 8_345_677_824,
  GenericResources: null,
  DockerRootDir: '/var/lib/docker',
  HttpProxy: '',
  HttpsProxy: '',
  NoProxy: 'localhost',
  Name: 'box',
  Labels: ['a=b'],
  ExperimentalBuild: false,
  ServerVersion: '28.5.2',
  Runtimes: { runc: { path: 'runc' } },
  DefaultRuntime: 'runc',
  Swarm: {
    NodeID: '',
    NodeAddr: '',
    LocalNodeState: 'inactive',
    ControlAvailable: false,
    Error: '',
    RemoteManagers: null,
  },
  LiveRestoreEnabled: false,
  Isolation: '',
  InitBinary: 'docker-init',
  ContainerdCommit: { ID: 'abc' },
  RuncCommit: { ID: 'def' },
  InitCommit: { ID: 'ghi' },
  SecurityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns'],
  CDISpecDirs: ['/etc/cdi', '/var/run/cdi'],
  Warnings: ['WARNING: No swap limit support'],
};

const events = [
  {
    status: 'start',
    id: webId,
    from: 'web',
    Type: 'container',
    Action: 'start',
    Actor: { ID: webId, Attributes: { name: 'web', image: 'web:1.2' } },
    scope: 'local',
    time: 1748606834,
    timeNano: '1748606834123456789',
  },
  {
    Type: 'network',
    Action: 'create',
    Actor: { ID: 'net1', Attributes: {} },
    scope: 'local',
    time: 1748606835,
    timeNano: '1748606835000000001',
  },
];

/** Nanoseconds are too many digits for a JavaScript number, so they are written by hand. */
const eventText = events.map((event) => `${JSON.stringify(event).replace(/"(\d{19})"/, '$1')}\n`).join('');

/** One daemon's memory: which images were pulled. */
export function cannedAnswers(): Responder {
  const pulled = new Set<string>();
  return (request) =>
    fileAnswer(request) ?? buildAnswer(request) ?? registryAnswer(request) ?? answer(request, pulled);
}

function answer(request: RecordedRequest, pulled: Set<string>): Answer | undefined {
  const [path = '', query = ''] = request.target.split('?');
  const parts = path.split('/').slice(1);
  if (path === '/containers/json')
    return { body: query.includes('limit=1') ? containers().slice(0, 1) : containers() };
  if (path === '/containers/create') return create(request, pulled);
  if (path === '/containers/prune')
    return {
      body:
        query === ''
          ? { ContainersDeleted: [idleId, webId], SpaceReclaimed: 212 }
          : { ContainersDeleted: null, SpaceReclaimed: 0 },
    };
  if (parts[0] === 'containers') return container(request, parts[1] ?? '', parts[2] ?? '', query);
  if (parts[0] === 'exec') return exec(request, parts[1] ?? '', parts[2] ?? '');
  if (parts[0] === 'images') return image(request, path, pulled, query);
  if (path === '/networks/create') return { status: 201, body: { Id: 'e'.repeat(64), Warning: '' } };
  if (path === '/networks') return { body: ['none', 'bridge', 'host', 'net10', 'net9'].map(network) };
  if (parts[0] === 'networks')
    return parts[1]?.startsWith('no')
      ? failure(404, `network ${parts[1]} not found`)
      : request.method === 'GET'
        ? { body: network(parts[1] ?? '') }
        : { status: request.method === 'DELETE' ? 204 : 200 };
  if (path === '/volumes')
    return { body: { Volumes: ['vol10', 'vol2', 'data'].map(volume), Warnings: null } };
  if (path === '/volumes/create')
    return { status: 201, body: volume((request.body as { Name?: string }).Name ?? 'f'.repeat(64)) };
  if (parts[0] === 'volumes') return volumeAnswer(request, parts[1] ?? '');
  if (path === '/version') return { body: version };
  if (path === '/info') return { body: info };
  if (path === '/events')
    return query.includes('since')
      ? { body: eventText, headers: { 'Content-Type': 'application/json' } }
      : { body: '' };
  return undefined;
}

function create(request: RecordedRequest, pulled: Set<string>): Answer {
  const { Image, HostConfig } = request.body as { Image: string; HostConfig: { Memory: number } };
  if (Image.startsWith('missing') && !pulled.has('missing')) return failure(404, `No such image: ${Image}`);
  if (request.target.includes('name=taken'))
    return failure(409, 'Conflict. The container name "/taken" is already in use');
  const warnings = HostConfig.Memory === 6 * 1024 * 1024 ? ['Your kernel does not support swap'] : [];
  const id = Image.startsWith('fails') ? Image : Image === 'exits3' ? '33'.repeat(32) : webId;
  return { status: 201, body: { Id: id, Warnings: warnings } };
}

function container(request: RecordedRequest, name: string, action: string, query: string): Answer {
  if (name.startsWith('nosuch')) return failure(404, `No such container: ${name}`);
  if (name === 'broken') return failure(500, 'something went wrong');
  if (request.method === 'DELETE') return { status: 204 };
  const output = outputFor(query);
  switch (action) {
    case 'json':
      return {
        body: query.includes('size')
          ? { ...containerInspect(name), SizeRw: 5, SizeRootFs: 6 }
          : containerInspect(name),
      };
    case 'top':
      return {
        body: {
          Titles: ['UID', 'PID', 'CMD'],
          Processes: [
            ['root', '4711', 'nginx: master process'],
            ['www-data', '12', 'nginx'],
          ],
        },
      };
    case 'stats':
      return {
        body: `${JSON.stringify(stats(name))}\n`,
        headers: { 'Content-Type': 'application/json', Ostype: 'linux' },
      };
    case 'logs':
      return { stream: name === 'ttyc' ? Buffer.from('raw\r\n') : output };
    case 'attach':
      return { stream: name.startsWith('fails') ? Buffer.alloc(0) : output };
    case 'wait':
      return { body: { StatusCode: name === '33'.repeat(32) ? 3 : 0 } };
    case 'start':
      return start(name);
    case 'exec':
      return name === 'pausedc'
        ? failure(409, 'Container pausedc is paused, unpause the container before exec')
        : { status: 201, body: { Id: name === 'three' ? 'exec3' : 'exec0' } };
    case 'update':
      return { body: { Warnings: name === 'warned' ? ['Your kernel does not support it'] : null } };
    default:
      return { status: 204 };
  }
}

/** Only the streams that were asked for. */
function outputFor(query: string): Uint8Array {
  const out = query.includes('stdout=1') ? [frame(1, 'out\n'), frame(1, 'more\n')] : [];
  const err = query.includes('stderr=1') ? [frame(2, 'err\n')] : [];
  return Buffer.concat([...out, ...err]);
}

function start(name: string): Answer {
  const prefix = 'failed to create task for container: ';
  if (name === 'fails-missing')
    return failure(400, `${prefix}exec: "x": executable file not found in $PATH: unknown`);
  if (name === 'fails-denied') return failure(400, `${prefix}exec: "/etc": permission denied: unknown`);
  if (name === 'fails-other') return failure(500, 'driver failed programming external connectivity');
  return { status: name === 'already' ? 304 : 204 };
}

function exec(_: RecordedRequest, id: string, action: string): Answer {
  if (action === 'start')
    return { stream: Buffer.concat([frame(1, 'from exec\n'), frame(2, 'its error\n')]) };
  if (action === 'json') {
    return {
      body: {
        ID: id,
        Running: false,
        ExitCode: id === 'exec3' ? 3 : 0,
        ProcessConfig: { tty: false, entrypoint: 'x', arguments: [] },
        OpenStdin: false,
        OpenStderr: true,
        OpenStdout: true,
        CanRemove: false,
        ContainerID: webId,
        DetachKeys: '',
        Pid: 0,
      },
    };
  }
  return { status: 200 };
}

function image(request: RecordedRequest, path: string, pulled: Set<string>, query: string): Answer {
  const name = path.slice('/images/'.length).replace(/\/(json|history|tag)$/, '');
  if (path === '/images/json') return { body: query.includes('reference') ? [] : images() };
  if (path === '/images/create') return createImage(query, pulled);
  if (path === '/images/load')
    return {
      body: progress([{ stream: 'Loaded image: web:1.2\n' }]),
      headers: { 'Content-Type': 'application/json' },
    };
  if (name.startsWith('no')) return failure(404, `No such image: ${name}:latest`);
  if (request.method === 'DELETE') {
    if (name === 'used')
      return failure(
        409,
        'conflict: unable to delete used (cannot be forced) - image is being used by running container 5f5f5f5f5f5f',
      );
    return { body: [{ Untagged: `${name}:latest` }, { Deleted: imageId }] };
  }
  if (path.endsWith('/history')) return { body: history() };
  if (path.endsWith('/tag')) return { status: 201 };
  return {
    body: {
      Id: imageId,
      RepoTags: [`${name}:latest`],
      RepoDigests: [],
      Parent: '',
      Comment: '',
      Created: '2025-05-30T12:07:14Z',
      DockerVersion: '',
      Author: '',
      Config: { Cmd: ['sh'], Env: ['PATH=/bin'], Labels: null },
      Architecture: 'amd64',
      Os: 'linux',
      Size: 4261550,
      GraphDriver: { Data: null, Name: 'overlay2' },
      RootFS: { Type: 'layers', Layers: [`sha256:${'11'.repeat(32)}`] },
      Metadata: { LastTagTime: '0001-01-01T00:00:00Z' },
    },
  };
}

function createImage(query: string, pulled: Set<string>): Answer {
  const headers = { 'Content-Type': 'application/json' };
  if (query.includes('fromSrc')) return { body: progress([{ status: imageId }]), headers };
  if (query.includes('denied'))
    return failure(404, 'pull access denied for denied, repository does not exist');
  if (query.includes('inband'))
    return {
      body: progress([
        { status: 'Pulling' },
        { errorDetail: { message: 'manifest unknown' }, error: 'manifest unknown' },
      ]),
      headers,
    };
  pulled.add('missing');
  return {
    body: progress([
      { status: 'Pulling from library/x', id: 'latest' },
      { status: 'Pulling fs layer', progressDetail: {}, id: '0123456789ab' },
      {
        status: 'Downloading',
        progressDetail: { current: 500, total: 1000 },
        progress: '[=>] 500B/1kB',
        id: '0123456789ab',
      },
      { status: 'Pull complete', progressDetail: {}, id: '0123456789ab' },
      { status: `Digest: sha256:${'22'.repeat(32)}` },
      { status: 'Status: Downloaded newer image for x:latest' },
    ]),
    headers,
  };
}

function progress(messages: readonly unknown[]): string {
  return messages.map((message) => `${JSON.stringify(message)}\r\n`).join('');
}

function volumeAnswer(request: RecordedRequest, name: string): Answer {
  if (name.startsWith('no')) return failure(404, `get ${name}: no such volume`);
  if (request.method === 'DELETE')
    return name === 'busy' ? failure(409, 'remove busy: volume is in use - [5f]') : { status: 204 };
  return { body: volume(name) };
}
