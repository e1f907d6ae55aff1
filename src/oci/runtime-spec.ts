/** OCI runtime spec 1.2 (config.md, config-linux.md): the part that Sampan uses, with the spec's own key names. */
export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly process: SpecProcess;
  readonly root: { readonly path: string; readonly readonly?: boolean };
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts: readonly SpecMount[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux: SpecLinux;
}

export interface SpecProcess {
  readonly terminal: boolean;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  /** `username` is Docker's "user[:group]", resolved in the container by the launcher; uid and gid are then ignored. */
  readonly user: {
    readonly uid: number;
    readonly gid: number;
    readonly username?: string;
    /** Names or numbers added to the groups of the user. */
    readonly additionalGroups?: readonly string[];
  };
  readonly capabilities?: SpecCapabilities;
  readonly rlimits?: readonly { readonly type: string; readonly soft: number; readonly hard: number }[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly oomScoreAdj?: number;
}

export interface SpecCapabilities {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly ambient: readonly string[];
}

export interface SpecMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  /** mount(8) options, as in the spec: flags, propagation ("rprivate"), recursive attributes ("rro"), filesystem options. */
  readonly options: readonly string[];
  /** Sampan's own: of a bind, what is mounted lies in `source`, whose content nobody trusts: links in it lead nowhere else. */
  readonly subpath?: string;
}

export type NamespaceType = 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time';

export interface SpecLinux {
  /** A type that is absent is shared with the host; one with a path is joined. */
  readonly namespaces: readonly { readonly type: NamespaceType; readonly path?: string }[];
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
  readonly devices: readonly SpecDevice[];
  readonly cgroupsPath: string;
  readonly resources: SpecResources;
  readonly rootfsPropagation?: 'shared' | 'slave' | 'private' | 'unbindable';
  readonly seccomp?: SeccompProfile;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
}

interface IdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface SpecDevice {
  readonly path: string;
  readonly type: 'c' | 'b' | 'u' | 'p';
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Resource limits; sizes in bytes, times in microseconds. Absent: not limited. */
export interface SpecResources {
  readonly devices?: readonly SpecDeviceRule[];
  readonly memory?: {
    readonly limit?: number;
    readonly reservation?: number;
    readonly swap?: number;
    readonly kernelTCP?: number;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
  };
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly realtimeRuntime?: number;
    readonly realtimePeriod?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: {
    readonly weight?: number;
    readonly weightDevice?: readonly {
      readonly major: number;
      readonly minor: number;
      readonly weight: number;
    }[];
    readonly throttleReadBpsDevice?: readonly SpecThrottle[];
    readonly throttleWriteBpsDevice?: readonly SpecThrottle[];
    readonly throttleReadIOPSDevice?: readonly SpecThrottle[];
    readonly throttleWriteIOPSDevice?: readonly SpecThrottle[];
  };
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  /** cgroup v2 files by name, written as given. */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface SpecThrottle {
  readonly major: number;
  readonly minor: number;
  readonly rate: number;
}

export interface SpecDeviceRule {
  readonly allow: boolean;
  /** "a" for all. */
  readonly type: 'a' | 'c' | 'b';
  /** Absent: any. */
  readonly major?: number;
  readonly minor?: number;
  /** Letters of "rwm". */
  readonly access: string;
}

/** A seccomp profile in Docker's JSON form (also OCI's: `archMap`, `includes`, `excludes` are Docker's additions). */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures: readonly string[];
  }[];
  readonly flags?: readonly string[];
  readonly syscalls?: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[] | null;
  readonly comment?: string;
  readonly includes?: SeccompCondition;
  readonly excludes?: SeccompCondition;
}

export interface SeccompCondition {
  readonly arches?: readonly string[];
  readonly caps?: readonly string[];
  readonly minKernel?: string;
}

export interface SeccompArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}
