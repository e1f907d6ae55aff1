import { invalid } from '../../base/errors.ts';
import type { CreateRequest } from '../../containers/contract.ts';
import type { CgroupVersion } from '../../runtime/contract.ts';
import {
  type ContainerConfig,
  type ContainerCreateRequest,
  HostConfig,
  type Mount,
  type NetworkingConfig,
} from '../../wire/container-config.ts';
import type { TypeOf } from '../../wire/schema.ts';
import { type ApiVersion, compareVersions, differs } from '../../wire/versions.ts';

export interface CreateQuery {
  readonly name: string;
  readonly platform: string;
}

/**
 * What a client of this version means by its body: keys that came later are not heeded, and old defaults hold, some of which depend
 * on the host's cgroups.
 */
export function createRequest(
  body: TypeOf<typeof ContainerCreateRequest>,
  query: CreateQuery,
  version: ApiVersion,
  cgroupVersion: CgroupVersion | undefined,
): CreateRequest {
  const { HostConfig: host, NetworkingConfig: networking, ...config } = body;
  if (isEmptyConfig(config)) throw invalid('config cannot be empty in order to create a container');
  return {
    name: query.name.replace(/^\//, ''),
    platform: differs(version, 'createPlatform') ? query.platform : '',
    config: adaptConfig(config, version),
    hostConfig: adaptHostConfig(host ?? HostConfig.zero(), version, cgroupVersion),
    networking: adaptNetworking(networking, version),
  };
}

/** Whether nothing was said of the container itself, only of its host or networks. */
export function isEmptyConfig(config: ContainerConfig): boolean {
  return Object.values(config).every((value) => value === null || value === '' || value === false);
}

function before(version: ApiVersion, limit: ApiVersion): boolean {
  return compareVersions(version, limit) < 0;
}

function adaptConfig(config: ContainerConfig, version: ApiVersion): ContainerConfig {
  const { Healthcheck } = config;
  if (Healthcheck === undefined || !before(version, '1.44')) return config;
  const { StartInterval: _, ...rest } = Healthcheck;
  return { ...config, Healthcheck: rest };
}

function adaptHostConfig(
  host: HostConfig,
  version: ApiVersion,
  cgroupVersion: CgroupVersion | undefined,
): HostConfig {
  const adapted: HostConfig = { ...host, NetworkMode: host.NetworkMode || 'default' };
  // Older clients remove the container themselves.
  if (before(version, '1.25')) adapted.AutoRemove = false;
  if (before(version, '1.40')) adapted.KernelMemoryTCP = 0;
  if (differs(version, 'shareableIpcDefault')) adapted.IpcMode ||= 'shareable';
  if (differs(version, 'hostCgroupnsDefault') && cgroupVersion === 1) adapted.CgroupnsMode ||= 'host';
  if (before(version, '1.42')) adapted.ConsoleSize = [0, 0];
  else adapted.KernelMemory = 0;
  if (before(version, '1.43')) delete adapted.Annotations;
  if ((adapted.PidsLimit ?? 1) <= 0) adapted.PidsLimit = null;
  if (adapted.Mounts != null) adapted.Mounts = adapted.Mounts.map((mount) => adaptMount(mount, version));
  return adapted;
}

function adaptMount(mount: Mount, version: ApiVersion): Mount {
  const adapted = { ...mount };
  if (before(version, '1.42')) dropForeignOptions(adapted);
  if (before(version, '1.45') && (mount.VolumeOptions?.Subpath ?? '') !== '') {
    throw invalid('VolumeOptions.Subpath needs API v1.45 or newer');
  }
  if (before(version, '1.48') && mount.Type === 'image') {
    throw invalid('Mount type "Image" needs API v1.48 or newer');
  }
  if (differs(version, 'readOnlyNonRecursive') && mount.Type === 'bind') {
    if (mount.BindOptions?.ReadOnlyForceRecursive === true) {
      throw invalid('BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer');
    }
    adapted.BindOptions = { ...adapted.BindOptions, ReadOnlyNonRecursive: true };
  }
  return adapted;
}

/** Options of another type of mount were not looked at then. */
function dropForeignOptions(mount: Mount): void {
  if (mount.Type === 'bind') {
    if (mount.BindOptions !== undefined)
      mount.BindOptions = { ...mount.BindOptions, CreateMountpoint: false };
  } else delete mount.BindOptions;
  if (mount.Type !== 'volume') delete mount.VolumeOptions;
  if (mount.Type !== 'tmpfs') delete mount.TmpfsOptions;
}

function adaptNetworking(networking: NetworkingConfig | null, version: ApiVersion): NetworkingConfig | null {
  const endpoints = Object.entries(networking?.EndpointsConfig ?? {});
  if (endpoints.length > 1 && !differs(version, 'severalEndpoints')) {
    const names = endpoints.map(([name]) => name).join(', ');
    throw invalid(`Container cannot be created with multiple network endpoints: ${names}`);
  }
  if (networking === null || differs(version, 'endpointGatewayPriority')) return networking;
  return {
    EndpointsConfig: Object.fromEntries(
      endpoints.map(([name, endpoint]) => {
        const { GwPriority: _, ...rest } = endpoint;
        return [name, rest];
      }),
    ),
  };
}
