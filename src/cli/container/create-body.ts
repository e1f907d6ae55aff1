import type { CreateBody } from '../../client/containers.ts';
import type { HealthConfig, HostConfig, Mount, RestartPolicy } from '../../wire/container-config.ts';
import type { TypeOf } from '../../wire/schema.ts';
import { cut } from '../flag-types.ts';
import { checkMacAddress } from './checks.ts';
import type { ContainerOptions } from './create-flags.ts';
import { parseDevices } from './devices.ts';
import { endpointsOf } from './endpoints.ts';
import { readKeyValueFiles } from './key-value-files.ts';
import { parsePorts } from './ports.ts';
import { parseSecurity } from './security.ts';
import { parseVolumes } from './volumes.ts';

export interface CreateInput {
  readonly options: ContainerOptions;
  readonly changed: (name: keyof ContainerOptions & string) => boolean;
  readonly image: string;
  readonly command: readonly string[];
  /** Proxy variables of the client's configuration, which come before those of the command line. */
  readonly proxyEnvironment: readonly string[];
}

type HealthOptions = Pick<
  ContainerOptions,
  'no-healthcheck' | Extract<keyof ContainerOptions, `health-${string}`>
>;

/** The parts of a create request, filled in. */
export interface ContainerBody extends CreateBody {
  HostConfig: TypeOf<typeof HostConfig>;
}

const orNull = <T>(values: readonly T[]): T[] | null => (values.length === 0 ? null : [...values]);
/** Texts `key=value`. */
export const parseKeyValues = (pairs: readonly string[]): Record<string, string> =>
  Object.fromEntries(pairs.map((pair) => cut(pair, '=')));

/**
 * Makes the request body that Docker's command line would send for the same flags, key by key. Throws an Error in its words; nothing is
 * asked of the daemon.
 */
export function createBody(input: CreateInput): ContainerBody {
  const { options, changed } = input;
  if (options['mac-address'] !== '') checkMacAddress(options['mac-address']);
  const swappiness = options['memory-swappiness'];
  if (swappiness !== -1 && (swappiness < 0 || swappiness > 100)) {
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  const { binds, anonymous } = parseVolumes(options.volume);
  const { exposed, bindings } = parsePorts(options.publish, options.expose);
  const devices = parseDevices(options.device);
  const environment = environmentOf(input);
  const labels = parseKeyValues([...readKeyValueFiles(options['label-file']), ...options.label]);
  checkModes(options);
  const restart = parseRestartPolicy(options.restart);
  const host = hostConfig(options, changed, { binds, bindings, devices, restart });
  const health = healthConfig(options);
  if (options.rm && restart.Name !== 'no' && restart.Name !== '') {
    throw new Error('conflicting options: cannot specify both --restart and --rm');
  }
  const endpoints = endpointsOf(options);
  const network = endpoints[host.NetworkMode];
  const attached = attachedStreams(options);
  const macAddress = network === undefined ? options['mac-address'] : network.MacAddress;
  return {
    Hostname: options.hostname,
    Domainname: options.domainname,
    User: options.user,
    ...attached,
    ...(Object.keys(exposed).length === 0 ? {} : { ExposedPorts: exposed }),
    Tty: options.tty,
    OpenStdin: options.interactive,
    // The container's input ends when this client goes.
    StdinOnce: options.interactive && attached.AttachStdin,
    Env: orNull(environment),
    Cmd: orNull(input.command),
    ...(health === undefined ? {} : { Healthcheck: health }),
    Image: input.image,
    Volumes: anonymous,
    WorkingDir: options.workdir,
    Entrypoint: changed('entrypoint') ? [options.entrypoint] : null,
    ...(macAddress === '' ? {} : { MacAddress: macAddress }),
    OnBuild: null,
    Labels: labels,
    ...(options['stop-signal'] === '' ? {} : { StopSignal: options['stop-signal'] }),
    ...(changed('stop-timeout') ? { StopTimeout: options['stop-timeout'] } : {}),
    HostConfig: host,
    NetworkingConfig: { EndpointsConfig: endpoints },
  };
}

function attachedStreams(options: ContainerOptions) {
  const none = options.attach.length === 0;
  return {
    AttachStdin: options.interactive || options.attach.includes('stdin'),
    AttachStdout: none || options.attach.includes('stdout'),
    AttachStderr: none || options.attach.includes('stderr'),
  };
}

/** Of variables given more than once, the last counts; those of files come first. */
export function environmentOf({
  options,
  proxyEnvironment,
}: {
  readonly options: Pick<ContainerOptions, 'env' | 'env-file'>;
  readonly proxyEnvironment: readonly string[];
}): string[] {
  const fromFiles = readKeyValueFiles(options['env-file'], (key) => process.env[key]);
  const given = new Map([...proxyEnvironment, ...options.env].map((entry) => [cut(entry, '=')[0], entry]));
  return [...fromFiles, ...given.values()];
}

function checkModes(options: ContainerOptions): void {
  const { pid } = options;
  if (pid !== '' && pid !== 'host' && !/^container:./.test(pid)) throw new Error('--pid: invalid PID mode');
  if (options.uts !== '' && options.uts !== 'host') throw new Error('--uts: invalid UTS mode');
  if (options.userns !== '' && options.userns !== 'host') throw new Error('--userns: invalid USER mode');
  if (!['', 'private', 'host'].includes(options.cgroupns)) throw new Error('--cgroupns: invalid CGROUP mode');
}

/** `on-failure:3`. Throws an Error in Docker's words. */
export function parseRestartPolicy(text: string): RestartPolicy {
  const [name, count] = cut(text, ':');
  if (text.includes(':') && name === '') {
    throw new Error('invalid restart policy format: no policy provided before colon');
  }
  if (count !== '' && !/^[+-]?\d+$/.test(count)) {
    throw new Error('invalid restart policy format: maximum retry count must be an integer');
  }
  return { Name: name, MaximumRetryCount: Number(count) };
}

/** What the flags say of the health check; undefined where they say nothing. Throws an Error in Docker's words. */
export function healthConfig(options: HealthOptions): TypeOf<typeof HealthConfig> | undefined {
  const times = {
    interval: options['health-interval'],
    timeout: options['health-timeout'],
    retries: options['health-retries'],
    'start-period': options['health-start-period'],
    'start-interval': options['health-start-interval'],
  };
  const command = options['health-cmd'];
  const isGiven = command !== '' || Object.values(times).some((value) => value !== 0);
  if (options['no-healthcheck']) {
    if (isGiven) throw new Error('--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  if (!isGiven) return undefined;
  for (const [name, value] of Object.entries(times)) {
    if (value < 0) throw new Error(`--health-${name} cannot be negative`);
  }
  return {
    ...(command === '' ? {} : { Test: ['CMD-SHELL', command] }),
    ...(times.interval === 0 ? {} : { Interval: times.interval }),
    ...(times.timeout === 0 ? {} : { Timeout: times.timeout }),
    ...(times['start-period'] === 0 ? {} : { StartPeriod: times['start-period'] }),
    ...(times['start-interval'] === 0 ? {} : { StartInterval: times['start-interval'] }),
    ...(times.retries === 0 ? {} : { Retries: times.retries }),
  };
}

interface Parsed {
  readonly binds: string[] | null;
  readonly bindings: ReturnType<typeof parsePorts>['bindings'];
  readonly devices: ReturnType<typeof parseDevices>;
  readonly restart: RestartPolicy;
}

function hostConfig(
  options: ContainerOptions,
  changed: CreateInput['changed'],
  parsed: Parsed,
): TypeOf<typeof HostConfig> {
  const security = logAndSecurity(options);
  const mounts = options.mount.map(withoutZeroes);
  const whenAny = <K extends string, V extends object>(key: K, value: V): { [P in K]?: V } =>
    (Object.keys(value).length === 0 ? {} : { [key]: value }) as { [P in K]?: V };
  return {
    Binds: parsed.binds,
    ContainerIDFile: options.cidfile,
    LogConfig: security.logConfig,
    NetworkMode: options.network[0]?.target ?? 'default',
    PortBindings: parsed.bindings,
    RestartPolicy: parsed.restart,
    AutoRemove: options.rm,
    VolumeDriver: options['volume-driver'],
    VolumesFrom: orNull(options['volumes-from']),
    ConsoleSize: [0, 0],
    ...whenAny('Annotations', { ...options.annotation }),
    CapAdd: capabilities(options['cap-add']),
    CapDrop: capabilities(options['cap-drop']),
    CgroupnsMode: options.cgroupns,
    Dns: [...options.dns],
    DnsOptions: [...options['dns-option']],
    DnsSearch: [...options['dns-search']],
    ExtraHosts: orNull(options['add-host']),
    GroupAdd: orNull(options['group-add']),
    IpcMode: options.ipc,
    Cgroup: '',
    Links: orNull(options.link),
    OomScoreAdj: options['oom-score-adj'],
    PidMode: options.pid,
    Privileged: options.privileged,
    PublishAllPorts: options['publish-all'],
    ReadonlyRootfs: options['read-only'],
    SecurityOpt: security.options,
    ...whenAny('StorageOpt', security.storage),
    ...whenAny('Tmpfs', Object.fromEntries(options.tmpfs.map((spec) => cut(spec, ':')))),
    UTSMode: options.uts,
    UsernsMode: options.userns,
    ShmSize: options['shm-size'],
    ...whenAny('Sysctls', { ...options.sysctl }),
    ...(options.runtime === '' ? {} : { Runtime: options.runtime }),
    Isolation: options.isolation,
    ...resources(options, parsed),
    ...(mounts.length === 0 ? {} : { Mounts: mounts }),
    MaskedPaths: security.maskedPaths,
    ReadonlyPaths: security.readonlyPaths,
    ...(changed('init') ? { Init: options.init } : {}),
  } as TypeOf<typeof HostConfig>;
}

/** Upper case, with the prefix, sorted, each once. */
export function capabilities(given: readonly string[]): string[] | null {
  const names = given.map((name) => {
    const upper = name.trim().toUpperCase();
    return upper === 'ALL' || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  });
  return orNull([...new Set(names)].sort());
}

function logAndSecurity(options: ContainerOptions) {
  const driver = options['log-driver'];
  if (driver === 'none' && options['log-opt'].length > 0) {
    throw new Error(`invalid logging opts for driver ${driver}`);
  }
  const security = parseSecurity(options['security-opt']);
  for (const option of options['storage-opt']) {
    if (!option.includes('=')) throw new Error('invalid storage option');
  }
  return {
    ...security,
    logConfig: { Type: driver, Config: parseKeyValues(options['log-opt']) },
    storage: parseKeyValues(options['storage-opt']),
  };
}

function resources(options: ContainerOptions, { devices }: Parsed) {
  const requests = [
    ...options.gpus,
    ...(devices.cdi.length === 0
      ? []
      : [{ Driver: 'cdi', Count: 0, DeviceIDs: devices.cdi, Capabilities: null, Options: null }]),
  ];
  return {
    CpuShares: options['cpu-shares'],
    Memory: options.memory,
    NanoCpus: options.cpus,
    CgroupParent: options['cgroup-parent'],
    BlkioWeight: options['blkio-weight'],
    BlkioWeightDevice: [...options['blkio-weight-device']],
    BlkioDeviceReadBps: [...options['device-read-bps']],
    BlkioDeviceWriteBps: [...options['device-write-bps']],
    BlkioDeviceReadIOps: [...options['device-read-iops']],
    BlkioDeviceWriteIOps: [...options['device-write-iops']],
    CpuPeriod: options['cpu-period'],
    CpuQuota: options['cpu-quota'],
    CpuRealtimePeriod: options['cpu-rt-period'],
    CpuRealtimeRuntime: options['cpu-rt-runtime'],
    CpusetCpus: options['cpuset-cpus'],
    CpusetMems: options['cpuset-mems'],
    Devices: devices.mappings,
    DeviceCgroupRules: orNull(options['device-cgroup-rule']),
    DeviceRequests: orNull(requests),
    ...(options['kernel-memory'] === 0 ? {} : { KernelMemory: options['kernel-memory'] }),
    MemoryReservation: options['memory-reservation'],
    MemorySwap: options['memory-swap'],
    MemorySwappiness: options['memory-swappiness'],
    OomKillDisable: options['oom-kill-disable'],
    PidsLimit: options['pids-limit'],
    Ulimits: Object.values(options.ulimit).sort((a, b) => (a.Name < b.Name ? -1 : 1)),
    CpuCount: options['cpu-count'],
    CpuPercent: options['cpu-percent'],
    IOMaximumIOps: options['io-maxiops'],
    IOMaximumBandwidth: options['io-maxbandwidth'],
  };
}

/** Go leaves zero values of a mount out; its option structs stay, also empty. */
export function withoutZeroes(mount: Mount): Mount {
  const keep = (value: unknown, key: string): unknown => {
    if (typeof value !== 'object' || value === null) return value || undefined;
    if (key === 'Labels' || key === 'Options') return Object.keys(value).length === 0 ? undefined : value;
    const entries = Object.entries(value)
      .map(([name, inner]) => [name, keep(inner, name)] as const)
      .filter(([, inner]) => inner !== undefined);
    return Object.fromEntries(entries);
  };
  return keep(mount, '') as Mount;
}
