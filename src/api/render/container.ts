import type { Container, MountPoint } from '../../containers/contract.ts';
import type { Engine } from '../../engine/contract.ts';
import type {
  ContainerInspect,
  ContainerSummary,
  MountPoint as WireMountPoint,
} from '../../wire/container-types.ts';
import { formatNanoseconds, unixSeconds } from '../../wire/times.ts';
import { type ApiVersion, differs } from '../../wire/versions.ts';
import { renderState, statusText } from './container-state.ts';
import { renderEndpoints, renderNetworkSettings, renderPorts } from './network-settings.ts';

/** Bytes written by a container, and of its whole root filesystem. */
export interface ContainerSize {
  readonly writable: number;
  readonly root: number;
}

export function renderContainer(
  container: Container,
  version: ApiVersion,
  size: ContainerSize | undefined,
): ContainerInspect {
  return {
    Id: container.id,
    Created: formatNanoseconds(container.createdNano),
    Path: container.path,
    Args: [...container.args],
    State: renderState(container.state),
    Image: container.imageId,
    ResolvConfPath: container.files.resolvConf,
    HostnamePath: container.files.hostname,
    HostsPath: container.files.hosts,
    LogPath: container.files.log,
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: container.driver,
    Platform: container.platform.split('/', 1)[0] ?? '',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: container.execIds.length === 0 ? null : [...container.execIds],
    HostConfig: container.hostConfig,
    GraphDriver: { Data: { ...container.driverData }, Name: container.driver },
    ...renderSize(size),
    Mounts: container.mounts.map(renderMount),
    Config: container.config,
    NetworkSettings: renderNetworkSettings(container, version),
  };
}

function renderSize(size: ContainerSize | undefined): { SizeRw?: number; SizeRootFs?: number } {
  return size === undefined ? {} : { SizeRw: size.writable, SizeRootFs: size.root };
}

function renderMount(mount: MountPoint): WireMountPoint {
  return {
    Type: mount.type,
    ...(mount.name === undefined ? {} : { Name: mount.name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(mount.driver === undefined ? {} : { Driver: mount.driver }),
    Mode: mount.mode,
    RW: mount.writable,
    Propagation: mount.propagation,
  };
}

export function renderSummary(
  container: Container,
  engine: Engine,
  version: ApiVersion,
  now: Date,
  size: ContainerSize | undefined,
): ContainerSummary {
  const { hostConfig, config } = container;
  return {
    Id: container.id,
    Names: [container.name, ...(container.linkNames ?? [])].map((name) => `/${name}`),
    Image: imageName(container, engine),
    ImageID: container.imageId,
    Command: commandLine(container),
    Created: unixSeconds(container.created),
    Ports: renderPorts(container),
    // Lists leave out what is zero.
    ...(size?.writable === 0 ? { SizeRootFs: size.root } : renderSize(size)),
    Labels: config.Labels ?? {},
    State: container.state.status,
    Status: statusText(container.state, now),
    HostConfig: {
      ...(hostConfig.NetworkMode === '' ? {} : { NetworkMode: hostConfig.NetworkMode }),
      ...(hostConfig.Annotations !== undefined && differs(version, 'summaryAnnotations')
        ? { Annotations: hostConfig.Annotations }
        : {}),
    },
    NetworkSettings: { Networks: renderEndpoints(container, version) },
    Mounts: container.mounts.map(renderMount),
  };
}

/** The name that was asked for, or the image's ID once the name belongs to another image. */
function imageName(container: Container, engine: Engine): string {
  const { imageId, config } = container;
  if (engine.images.find(config.Image)?.id === imageId) return config.Image;
  const platform = engine.images.find(imageId)?.platform;
  const isNamed = platform !== undefined && engine.images.find(config.Image, platform)?.id === imageId;
  return isNamed ? config.Image : imageId;
}

function commandLine({ path, args }: Container): string {
  return [path, ...args.map((word) => (word.includes(' ') ? `'${word}'` : word))].join(' ');
}
