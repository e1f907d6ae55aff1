import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { hostname as hostName } from 'node:os';
import { invalid, notFound } from '../../base/errors.ts';
import type { Image } from '../../images/contract.ts';
import type { Network } from '../../network/contract.ts';
import { formatPlatform, hostPlatform, parsePlatform } from '../../oci/platform.ts';
import type { ContainerConfig, HostConfig, NetworkingConfig } from '../../wire/container-config.ts';
import { ZERO_TIME } from '../../wire/times.ts';
import type { Container, CreateRequest } from '../contract.ts';
import { resolveLinks } from '../lifecycle/links.ts';
import { networkNames } from '../lifecycle/network-requests.ts';
import { PendingAttachments } from '../lifecycle/pending-attachments.ts';
import { RestartTimer } from '../lifecycle/restart-policy.ts';
import { resolveMounts } from '../mounts/mount-points.ts';
import { nextMounts, type StoredMount } from '../mounts/stored-mount.ts';
import { parseName } from '../names.ts';
import type { Parts } from '../parts.ts';
import { createEntry, type Entry, initialFlags, joinedContainer } from '../record.ts';
import { nowNano } from '../times.ts';
import { checkConfig } from './check-config.ts';
import { checkHostConfig } from './check-host-config.ts';
import { checkEndpoints } from './check-network-mode.ts';
import { completeHostConfig } from './complete-host-config.ts';
import { fillVolumes } from './fill-volumes.ts';
import { mergeImageConfig } from './merge-image-config.ts';

/**
 * Makes a container: everything that can be wrong is found before anything is made. The row comes last, so that a daemon killed
 * half-way leaves only a snapshot without one, which its successor removes.
 */
export async function createContainer(
  parts: Parts,
  request: CreateRequest,
): Promise<{ id: string; warnings: readonly string[] }> {
  const host = parts.runtime.capabilities;
  const own = checkConfig(request.config);
  const { hostConfig: checked, warnings } = checkHostConfig(request.hostConfig, own, host);
  checkEndpoints(own, request.networking);
  const image = chooseImage(parts, own.Image, request.platform, warnings);
  const joined = withJoinedIds(parts, completeHostConfig(checked, parts.defaults, host));
  const hostConfig = resolveLinks(parts.registry, joined);
  const networking = withNetworkNames(parts, request.networking);
  const id = randomBytes(32).toString('hex');
  const merged = mergeImageConfig(own, image.config.config);
  const config = { ...merged, Hostname: merged.Hostname || defaultHostname(hostConfig, id) };
  const name = parts.registry.reserve(request.name === '' ? '' : parseName(request.name), id);
  try {
    const entry = await make(parts, { id, name, image, config, hostConfig, networking });
    parts.events.container(entry.container, 'create');
    return { id, warnings };
  } catch (error) {
    parts.registry.release(name);
    throw error;
  }
}

/** Fails with `not-found` for a missing image, and for one of another platform than was asked for. */
function chooseImage(parts: Parts, reference: string, platform: string, warnings: string[]): Image {
  if (reference === '') throw invalid('config cannot be empty in order to create a container');
  const asked = platform === '' ? undefined : parsePlatform(platform);
  const image = parts.images.find(reference, asked) ?? parts.images.get(reference);
  const actual = formatPlatform(image.platform);
  if (asked === undefined) {
    const host = hostPlatform();
    if (image.platform.os !== host.os || image.platform.architecture !== host.architecture) {
      warnings.push(
        `The requested image's platform (${actual}) does not match the detected host platform (${formatPlatform(host)}) and no specific platform was requested`,
      );
    }
    return image;
  }
  const fits =
    asked.os === image.platform.os &&
    asked.architecture === image.platform.architecture &&
    (asked.variant === undefined || asked.variant === image.platform.variant);
  if (!fits) {
    throw notFound(
      `image with reference ${reference} was found but its platform (${actual}) does not match the specified platform (${formatPlatform(asked)})`,
    );
  }
  return image;
}

/** Names of joined containers become IDs, which outlast renaming. One that is still to come stays a name, except where Docker asks at once. */
function withJoinedIds(parts: Parts, hostConfig: HostConfig): HostConfig {
  const idOf = (mode: string, required: boolean): string => {
    const reference = joinedContainer(mode);
    if (reference === undefined) return mode;
    const entry = parts.registry.find(reference);
    if (entry === undefined && required) throw invalid(`No such container: ${reference}`);
    return entry === undefined ? mode : `container:${entry.id}`;
  };
  return {
    ...hostConfig,
    NetworkMode: idOf(hostConfig.NetworkMode, false),
    IpcMode: idOf(hostConfig.IpcMode, true),
    PidMode: idOf(hostConfig.PidMode, true),
  };
}

function defaultHostname({ NetworkMode, UTSMode }: HostConfig, id: string): string {
  return NetworkMode === 'host' || UTSMode === 'host' ? hostName() : id.slice(0, 12);
}

interface Decided {
  readonly id: string;
  readonly name: string;
  readonly image: Image;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly networking: NetworkingConfig | null;
}

async function make(parts: Parts, decided: Decided): Promise<Entry> {
  const { id, config, hostConfig } = decided;
  using reservations = new DisposableStack();
  const sources = {
    volumes: parts.volumes,
    images: parts.images,
    reserve: (volume: string) => void reservations.use(parts.volumes.reserve(volume)),
    dataRoot: parts.dataRoot,
    mountsOf: (reference: string) => nextMounts(parts.registry.get(reference).mounts),
  };
  const mounts = await resolveMounts(parts.background, sources, config, hostConfig);
  try {
    await Promise.all([
      parts.snapshots.prepare(parts.background, id, decided.image.config.rootfs.diff_ids),
      mkdir(parts.paths.directory(id), { mode: 0o710 }),
    ]);
    await fillVolumes(parts, id, mounts);
    const container = describe(parts, decided, mounts);
    const entry = createEntry({
      container,
      flags: initialFlags,
      mounts,
      attachments: new PendingAttachments(),
      restarts: new RestartTimer(),
    });
    parts.store.insert(entry);
    parts.registry.add(entry);
    return entry;
  } catch (error) {
    reservations.dispose();
    await discard(parts, id, mounts);
    throw error;
  }
}

function describe(parts: Parts, decided: Decided, mounts: readonly StoredMount[]): Container {
  const { id, config, hostConfig, networking, image } = decided;
  const createdNano = nowNano();
  const [path = '', ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  const names = networkNames(hostConfig, networking, config.NetworkDisabled === true);
  return {
    id,
    name: decided.name,
    created: new Date(Number(createdNano / 1_000_000n)),
    createdNano,
    imageId: image.id,
    platform: image.platform.os,
    path,
    args,
    config,
    hostConfig,
    networking,
    state: {
      status: 'created',
      pid: 0,
      exitCode: 0,
      error: '',
      oomKilled: false,
      startedAt: ZERO_TIME,
      finishedAt: ZERO_TIME,
    },
    restartCount: 0,
    driver: parts.snapshots.name,
    driverData: parts.snapshots.describe(id),
    mounts: mounts.map((mount) => mount.point),
    networks: Object.fromEntries(
      names.map((name) => {
        const network = findNetwork(parts, name);
        return [network?.name ?? name, { networkId: network?.id ?? '', endpoint: undefined }];
      }),
    ),
    execIds: [],
    files: { resolvConf: '', hostname: '', hosts: '', log: '' },
  };
}

/** Settings by the names of their networks, which may have been given as IDs or as "default". */
function withNetworkNames(parts: Parts, networking: NetworkingConfig | null): NetworkingConfig | null {
  const given = Object.entries(networking?.EndpointsConfig ?? {});
  if (given.length === 0) return networking;
  const named = given.map(([name, settings]) => [findNetwork(parts, name)?.name ?? name, settings]);
  return { EndpointsConfig: Object.fromEntries(named) };
}

/** A network may be made after the container; its start will tell. */
function findNetwork(parts: Parts, name: string): Network | undefined {
  try {
    return parts.networks.get(name === 'default' ? 'bridge' : name);
  } catch {
    return undefined;
  }
}

async function discard(parts: Parts, id: string, mounts: readonly StoredMount[]): Promise<void> {
  await Promise.allSettled([
    parts.snapshots.remove(parts.background, id),
    rm(parts.paths.directory(id), { recursive: true, force: true }),
    ...mounts
      .filter((mount) => mount.anonymous)
      .map((mount) => parts.volumes.remove(parts.background, mount.point.name ?? '')),
  ]);
}
