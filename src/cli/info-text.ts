import type { TypeOf } from '../wire/schema.ts';
import { bytesSize } from '../wire/sizes.ts';
import type { Info } from '../wire/system-types.ts';

type ServerInfo = TypeOf<typeof Info>;

/** The server's part of `info`, line by line. `debug`: also what only those who look for faults want to know. */
export function infoLines(info: ServerInfo, debug: boolean, userName: string): string[] {
  return [
    ...objectLines(info),
    ...pluginLines(info),
    ...runtimeLines(info),
    ...hostLines(info),
    ...(info.Debug || debug ? debugLines(info) : []),
    ...given([
      [' HTTP Proxy:', info.HttpProxy],
      [' HTTPS Proxy:', info.HttpsProxy],
      [' No Proxy:', info.NoProxy],
      [' Username:', userName],
    ]),
    ...listLines(' Labels:', info.Labels),
    ` Experimental: ${info.ExperimentalBuild}`,
    ...registryLines(info),
    ` Live Restore Enabled: ${info.LiveRestoreEnabled}`,
    ...given([[' Product License:', info.ProductLicense]]),
    '',
  ];
}

function given(pairs: readonly (readonly [string, string | undefined])[]): string[] {
  return pairs.flatMap(([label, value]) => (value ? [`${label} ${value}`] : []));
}

function listLines(title: string, values: readonly string[] | null | undefined): string[] {
  if (!values || values.length === 0) return [];
  return [title, ...values.map((value) => `  ${value}`)];
}

function objectLines(info: ServerInfo): string[] {
  return [
    ` Containers: ${info.Containers}`,
    `  Running: ${info.ContainersRunning}`,
    `  Paused: ${info.ContainersPaused}`,
    `  Stopped: ${info.ContainersStopped}`,
    ` Images: ${info.Images}`,
    ...given([
      [' Server Version:', info.ServerVersion],
      [' Storage Driver:', info.Driver],
    ]),
    ...(info.DriverStatus ?? []).map((pair) => `  ${pair?.[0] ?? ''}: ${pair?.[1] ?? ''}`),
    ...given([
      [' Logging Driver:', info.LoggingDriver],
      [' Cgroup Driver:', info.CgroupDriver],
      [' Cgroup Version:', info.CgroupVersion],
    ]),
  ];
}

function pluginLines({ Plugins, CDISpecDirs }: ServerInfo): string[] {
  const joined = (names: readonly string[] | null): string => (names ?? []).join(' ');
  const authorization = joined(Plugins.Authorization);
  return [
    ' Plugins:',
    `  Volume: ${joined(Plugins.Volume)}`,
    `  Network: ${joined(Plugins.Network)}`,
    ...(authorization === '' ? [] : [`  Authorization: ${authorization}`]),
    `  Log: ${joined(Plugins.Log)}`,
    ...listLines(' CDI spec directories:', CDISpecDirs),
  ];
}

function runtimeLines(info: ServerInfo): string[] {
  const runtimes = Object.keys(info.Runtimes ?? {});
  const lines = [` Swarm: ${info.Swarm?.LocalNodeState ?? ''}`];
  if (runtimes.length > 0) {
    lines.push(` Runtimes: ${runtimes.join(' ')}`, ` Default Runtime: ${info.DefaultRuntime}`);
  }
  if (info.OSType !== 'linux') return lines;
  return [
    ...lines,
    ` Init Binary: ${info.InitBinary}`,
    ` containerd version: ${info.ContainerdCommit.ID}`,
    ` runc version: ${info.RuncCommit.ID}`,
    ` init version: ${info.InitCommit.ID}`,
    ...securityLines(info.SecurityOptions ?? []),
  ];
}

/** `name=seccomp,profile=builtin`; daemons of old sent the name alone. */
function securityLines(options: readonly string[]): string[] {
  if (options.length === 0) return [];
  const lines = [' Security Options:'];
  for (const option of options) {
    const parts = option.split(',').map((part) => part.split('=', 2));
    const name = option.includes('=') ? (parts.find(([key]) => key === 'name')?.[1] ?? '') : option;
    const profile = parts.find(([key]) => key === 'profile')?.[1];
    lines.push(`  ${name}`, ...(profile === undefined ? [] : [`   Profile: ${profile}`]));
  }
  return lines;
}

function hostLines(info: ServerInfo): string[] {
  return [
    ...given([
      [' Kernel Version:', info.KernelVersion],
      [' Operating System:', info.OperatingSystem],
      [' OSType:', info.OSType],
      [' Architecture:', info.Architecture],
    ]),
    ` CPUs: ${info.NCPU}`,
    ` Total Memory: ${bytesSize(info.MemTotal)}`,
    ...given([
      [' Name:', info.Name],
      [' ID:', info.ID],
    ]),
    ` Docker Root Dir: ${info.DockerRootDir}`,
    ` Debug Mode: ${info.Debug}`,
  ];
}

function debugLines(info: ServerInfo): string[] {
  return [
    `  File Descriptors: ${info.NFd}`,
    `  Goroutines: ${info.NGoroutines}`,
    `  System Time: ${info.SystemTime}`,
    `  EventsListeners: ${info.NEventsListener}`,
  ];
}

function registryLines({ RegistryConfig }: ServerInfo): string[] {
  if (!RegistryConfig) return [];
  const indexes = Object.values(RegistryConfig.IndexConfigs ?? {});
  const ranges = RegistryConfig.InsecureRegistryCIDRs ?? [];
  const insecure = [...indexes.filter(({ Secure }) => !Secure).map(({ Name }) => Name), ...ranges];
  const hasAny = indexes.length > 0 || ranges.length > 0;
  return [
    ...(hasAny ? [' Insecure Registries:', ...insecure.map((name) => `  ${name}`)] : []),
    ...listLines(' Registry Mirrors:', RegistryConfig.Mirrors),
  ];
}
