import { existsSync } from 'node:fs';
import { normalize } from 'node:path/posix';
import type { Context } from '../../base/context.ts';
import { invalid, SampanError } from '../../base/errors.ts';
import type { Images } from '../../images/contract.ts';
import type { Volume, Volumes } from '../../volumes/contract.ts';
import type { ContainerConfig, HostConfig, Mount } from '../../wire/container-config.ts';
import type { MountPoint } from '../contract.ts';
import { parseBind } from './bind-syntax.ts';
import { DEFAULT_PROPAGATION, parseVolumesFrom } from './mount-mode.ts';
import { checkMount } from './mount-rules.ts';
import { plainMount, type StoredMount } from './stored-mount.ts';
import { tmpfsMountOptions } from './tmpfs-options.ts';

export interface MountSources {
  readonly volumes: Volumes;
  readonly images: Pick<Images, 'get'>;
  /** Keeps a volume from removal until the container has it. */
  readonly reserve: (volume: string) => void;
  /** The mounts of another container. Fails with `not-found`. */
  readonly mountsOf: (reference: string) => readonly StoredMount[];
  /** Sources around it get slave propagation, so that mounts made there later can go away again. */
  readonly dataRoot: string;
}

/**
 * Everything that is mounted over a container's image, volumes created: of other containers, `Binds`, `Mounts`, and
 * anonymous volumes for what is left of `Config.Volumes`. Fails with `invalid-argument` in Docker's words.
 */
export async function resolveMounts(
  context: Context,
  sources: MountSources,
  config: ContainerConfig,
  hostConfig: HostConfig,
): Promise<readonly StoredMount[]> {
  const byTarget = new Map<string, StoredMount>();
  for (const text of hostConfig.VolumesFrom ?? []) {
    for (const mount of borrowed(sources, text)) {
      if (mount.point.name !== undefined && mount.point.type === 'volume') sources.reserve(mount.point.name);
      byTarget.set(mount.point.destination, mount);
    }
  }
  const own = new Set(Object.keys(hostConfig.Tmpfs ?? {}));
  for (const { mount, mode, raw } of requested(hostConfig)) {
    const target = normalize(mount.Target).replace(/(.)\/$/, '$1');
    if (own.has(target)) throw invalid(`Duplicate mount point: ${target}`);
    own.add(target);
    byTarget.set(target, await resolveMount(context, sources, mount, mode, target, raw));
  }
  for (const path of Object.keys(config.Volumes ?? {})) {
    const target = normalize(path).replace(/(.)\/$/, '$1');
    if (byTarget.has(target) || own.has(target)) continue;
    const mount = anonymousMount(target, hostConfig.VolumeDriver);
    const volume = await createVolume(context, sources, mount);
    byTarget.set(target, volumeMount(volume, target, mount, ''));
  }
  return [...byTarget.values()];
}

function anonymousMount(target: string, driver: string): Mount {
  const options = driver === '' ? {} : { VolumeOptions: { DriverConfig: { Name: driver } } };
  return { Type: 'volume', Target: target, ...options };
}

function borrowed(sources: MountSources, text: string): StoredMount[] {
  const { container, readOnly } = parseVolumesFrom(text);
  let mounts: readonly StoredMount[];
  try {
    mounts = sources.mountsOf(container);
  } catch (error) {
    throw error instanceof SampanError ? invalid(error.message) : error;
  }
  return mounts.map((mount) => ({
    ...mount,
    anonymous: false,
    copiesUp: false,
    point: { ...mount.point, mode: '', writable: mount.point.writable && !readOnly },
  }));
}

interface Requested {
  readonly mount: Mount;
  readonly mode: string;
  /** From `Binds`. */
  readonly raw: boolean;
}

function requested(hostConfig: HostConfig): Requested[] {
  const binds = (hostConfig.Binds ?? []).map((text) => ({
    ...parseBind(text, hostConfig.VolumeDriver),
    raw: true,
  }));
  const mounts = (hostConfig.Mounts ?? []).map((mount) => ({ mount, mode: '', raw: false }));
  return [...binds, ...mounts];
}

async function resolveMount(
  context: Context,
  sources: MountSources,
  mount: Mount,
  mode: string,
  target: string,
  raw: boolean,
): Promise<StoredMount> {
  if (!raw) checkMount(mount, existsSync);
  switch (mount.Type) {
    case 'bind':
      return bindMount(mount, mode, target, raw, sources.dataRoot);
    case 'volume':
      return volumeMount(await createVolume(context, sources, mount), target, mount, mode || 'z');
    case 'tmpfs':
      return {
        ...plainMount,
        point: point('tmpfs', '', target, '', mount.ReadOnly !== true),
        tmpfsOptions: tmpfsMountOptions(mount),
      };
    case 'image':
      return imageMount(sources.images, mount, target);
    default:
      throw new SampanError('unimplemented', `mounts of type "${mount.Type}" are not supported`);
  }
}

/** Fails with `not-found` for an image that is not here. */
function imageMount(images: MountSources['images'], mount: Mount, target: string): StoredMount {
  const source = mount.Source ?? '';
  const { id } = images.get(source);
  return {
    ...plainMount,
    point: { ...point('image', id, target, '', false), name: source },
    imageId: id,
    subpath: mount.ImageOptions?.Subpath ?? '',
  };
}

function bindMount(mount: Mount, mode: string, target: string, raw: boolean, dataRoot: string): StoredMount {
  const source = normalize(mount.Source ?? '').replace(/(.)\/$/, '$1');
  const asked = mount.BindOptions?.Propagation ?? '';
  const around =
    source === '/' || `${dataRoot}/`.startsWith(`${source}/`) || source.startsWith(`${dataRoot}/`);
  if (around && asked !== '' && asked !== 'rslave' && asked !== 'rshared') {
    throw invalid(
      `invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within the daemon root, daemon root: "${dataRoot}", bind mount source: "${source}", propagation: "${asked}"`,
    );
  }
  const propagation = asked || (around ? 'rslave' : DEFAULT_PROPAGATION);
  return {
    ...plainMount,
    point: { ...point('bind', source, target, mode, mount.ReadOnly !== true), propagation },
    createSource: raw || mount.BindOptions?.CreateMountpoint === true,
    explicitPropagation: asked !== '',
    nonRecursive: mount.BindOptions?.NonRecursive === true,
    readOnlyNonRecursive: mount.BindOptions?.ReadOnlyNonRecursive === true,
    readOnlyForceRecursive: mount.BindOptions?.ReadOnlyForceRecursive === true,
  };
}

async function createVolume(context: Context, sources: MountSources, mount: Mount): Promise<Volume> {
  const volume = await sources.volumes.create(context, {
    name: mount.Source ?? '',
    driver: mount.VolumeOptions?.DriverConfig?.Name ?? '',
    labels: mount.VolumeOptions?.Labels ?? {},
    options: mount.VolumeOptions?.DriverConfig?.Options ?? {},
  });
  sources.reserve(volume.name);
  return volume;
}

function volumeMount(volume: Volume, target: string, mount: Mount, mode: string): StoredMount {
  const shown = point('volume', volume.mountpoint, target, mode, mount.ReadOnly !== true);
  return {
    ...plainMount,
    point: { ...shown, name: volume.name, driver: volume.driver },
    anonymous: (mount.Source ?? '') === '',
    copiesUp: mount.VolumeOptions?.NoCopy !== true,
    subpath: mount.VolumeOptions?.Subpath ?? '',
  };
}

function point(
  type: MountPoint['type'],
  source: string,
  destination: string,
  mode: string,
  writable: boolean,
): MountPoint {
  return { type, name: undefined, source, destination, driver: undefined, mode, writable, propagation: '' };
}
