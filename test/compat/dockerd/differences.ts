/** Where Sampan differs from dockerd 20.10 on purpose: mostly because Docker 28 does. */

/** What dockerd 20.10 says in other words than Docker 28, in messages and on the terminal. */
export interface Rewording {
  readonly from: RegExp;
  readonly to: string | ((found: string) => string);
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** Messages that begin with a small letter since. */
const lowered: readonly Rewording[] = [
  /(?<!-)Cannot kill container: /g,
  /Container <id> is not running/g,
  /Invalid IPC mode/g,
  /Invalid filter '/g,
  /Invalid signal: /g,
  /Multiple IDs found/g,
  /No command specified/g,
  /Range of CPUs/g,
  /The linux daemon does not support signal/g,
  /Unable to find group/g,
  /Config cannot be empty in order/g,
  /Invalid containerPort: /g,
].map((from) => ({ from, to: lowerFirst }));

export const rewordings: readonly Rewording[] = [
  ...lowered,
  {
    from: /failed to create shim task: OCI/g,
    to: 'failed to create task for container: failed to create shim task: OCI',
  },
  {
    from: /create failed: unable to start container process: exec:/g,
    to: 'create failed: unable to start container process: error during container init: exec:',
  },
  { from: /"\/etc": permission denied: unknown/g, to: '"/etc": is a directory: unknown: permission denied' },
  { from: /[Nn]o such image: \S+: No such image: /g, to: 'No such image: ' },
  {
    from: /invalid restart policy 'nosuch'/g,
    to: "invalid restart policy: unknown policy 'nosuch'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
  },
  {
    from: /maximum retry count cannot be used with restart policy 'always'/g,
    to: "invalid restart policy: maximum retry count can only be used with 'on-failure'",
  },
  {
    from: /(?<!: )maximum retry count cannot be negative|(?<=daemon: )maximum retry count cannot be negative/g,
    to: 'invalid restart policy: maximum retry count cannot be negative',
  },
  {
    from: /Invalid isolation: "(\w+)" - linux only/g,
    to: 'invalid isolation ($1): linux only',
  },
  { from: /Unknown runtime specified nosuch/g, to: 'unknown or invalid runtime name: nosuch' },
  {
    from: /Content-Type specified \(text\/plain\) must be/g,
    to: 'unsupported Content-Type header (text/plain): must be',
  },
  { from: /of type (runconfig|container|network)\./g, to: 'of type ' },
  { from: /field HostConfig\.HostConfig\./g, to: 'field HostConfig.' },
];

/** 20.10 answers 500 to requests with these mistakes, Docker 28 answers 400. */
export const mistakes: readonly RegExp[] = [
  /^json: cannot unmarshal/,
  /^strconv\./,
  /^multiple IDs found/,
  /^invalid (isolation|volume specification|mount|reference format|filter|--security-opt)/,
  /^Invalid escape keys/,
];

/** A part of JSON answers, by its path ("HostConfig.Mounts.0.Type"), that is not compared. */
export interface IgnoredPath {
  readonly path: RegExp;
  readonly reason: string;
}

export const ignoredPaths: readonly IgnoredPath[] = [
  {
    path: /(^|\.)(Driver|GraphDriver|DriverStatus)$/,
    reason: 'the storage driver is another',
  },
  {
    path: /HostConfig\.(MaskedPaths|KernelMemoryTCP)(\.|$)/,
    reason: 'Docker 28 masks more, and has no such limit',
  },
  { path: /HostConfig\.NetworkMode$/, reason: 'Docker 28 calls the default network by its name' },
  {
    path: /^(Image|ContainerConfig|DockerVersion|Container|Parent|Metadata)$/,
    reason: 'Docker 28 leaves builder fields empty',
  },
  { path: /Attributes\.execDuration$/, reason: 'newer than 20.10' },
  { path: /RepoDigests$/, reason: 'null in 20.10, a list since' },
  {
    path: /^(ApiVersion|MinAPIVersion|Version|Components|Platform|ServerVersion|ContainerdCommit|RuncCommit|InitCommit|InitBinary|DefaultRuntime|Runtimes|DockerRootDir|ID|Plugins)$/,
    reason: 'says who answers',
  },
  {
    path: /^(BridgeNf\w+|KernelMemory|LiveRestoreEnabled|NFd|NGoroutines|RegistryConfig|SecurityOptions|CDISpecDirs|FirewallBackend|SystemTime|MemTotal|Images|NEventsListener)$/,
    reason: 'differs from host to host, or came and went with versions',
  },
  { path: /com\.docker\.network\.bridge\.name$/, reason: 'each daemon has its own bridge' },
  { path: /IPAM\.Config\.\d+\.Gateway$/, reason: 'Docker 28 shows the gateway of the default bridge' },
  { path: /SizeRootFs$/, reason: 'drivers count directories differently' },
];

/** What a step gives here instead, whole or in part. */
export interface OwnOutcome {
  readonly scenario: string;
  /** All steps with this line. */
  readonly line: string;
  readonly expected: Readonly<Record<string, unknown>>;
  readonly reason: string;
}
