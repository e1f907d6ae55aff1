import type { HistoryItem, Image } from '../../images/contract.ts';
import type { ImageProcess } from '../../oci/image.ts';
import type { History, ImageConfig, ImageInspect, ImageSummary } from '../../wire/image-types.ts';
import { formatTime, unixSeconds, ZERO_TIME } from '../../wire/times.ts';
import { type ApiVersion, differs } from '../../wire/versions.ts';

export function renderImage(image: Image, driver: string, version: ApiVersion): ImageInspect {
  const { config } = image;
  const process = renderConfig(config.config ?? {}, version);
  return {
    Id: image.id,
    RepoTags: [...image.tags],
    RepoDigests: [...image.digests],
    Parent: image.parent ?? '',
    Comment: config.comment ?? lastComment(image),
    ...(config.created === undefined ? {} : { Created: config.created }),
    // Of the container that made it nothing is kept. docker-compose 1 reads here which volumes to hand on when it recreates a container.
    ...(differs(version, 'imageContainerConfig') ? { Container: '', ContainerConfig: process } : {}),
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: process,
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    ...(config['os.version'] === undefined ? {} : { OsVersion: config['os.version'] }),
    Size: image.size,
    ...(differs(version, 'imageVirtualSize') ? { VirtualSize: image.size } : {}),
    GraphDriver: { Data: null, Name: driver },
    RootFS: { Type: config.rootfs.type, Layers: [...config.rootfs.diff_ids] },
    Metadata: { LastTagTime: image.lastTagged === undefined ? ZERO_TIME : formatTime(image.lastTagged) },
  };
}

/** Where a configuration has no comment of its own, that of the newest step counts. */
function lastComment({ config }: Image): string {
  return config.history?.at(-1)?.comment ?? '';
}

function renderConfig(process: ImageProcess, version: ApiVersion): ImageConfig {
  const legacy = differs(version, 'imageContainerKeys');
  return {
    ...(process.ArgsEscaped === true ? { ArgsEscaped: true } : {}),
    ...(legacy ? { AttachStderr: false, AttachStdin: false, AttachStdout: false } : {}),
    Cmd: copy(process.Cmd),
    ...(legacy ? { Domainname: '' } : {}),
    Entrypoint: copy(process.Entrypoint),
    Env: copy(process.Env),
    ...(process.ExposedPorts === undefined ? {} : { ExposedPorts: keysOf(process.ExposedPorts) }),
    ...healthOf(process),
    ...(legacy ? { Hostname: '', Image: '' } : {}),
    Labels: process.Labels == null ? null : { ...process.Labels },
    OnBuild: copy(process.OnBuild),
    ...(legacy ? { OpenStdin: false } : {}),
    ...(process.Shell == null ? {} : { Shell: [...process.Shell] }),
    ...(legacy ? { StdinOnce: false } : {}),
    ...(process.StopSignal === undefined ? {} : { StopSignal: process.StopSignal }),
    ...(legacy ? { Tty: false } : {}),
    User: process.User ?? '',
    Volumes: process.Volumes == null ? null : keysOf(process.Volumes),
    WorkingDir: process.WorkingDir ?? '',
  };
}

function copy(list: readonly string[] | null | undefined): string[] | null {
  return list == null ? null : [...list];
}

function keysOf(set: Readonly<Record<string, object>>): Record<string, Record<string, never>> {
  return Object.fromEntries(Object.keys(set).map((key) => [key, {}]));
}

function healthOf({ Healthcheck }: ImageProcess): Pick<ImageConfig, 'Healthcheck'> {
  if (Healthcheck == null) return {};
  const { Test, ...times } = Healthcheck;
  return { Healthcheck: { ...(Test === undefined ? {} : { Test: [...Test] }), ...times } };
}

/** Figures of an image beside its configuration; -1 for what is not told. */
export interface ImageFigures {
  /** How many were made of it. */
  readonly containers: number;
  /** Bytes, and of them those that other images have too. */
  readonly size: number;
  readonly shared: number;
}

export function renderImageSummary(
  image: Image,
  version: ApiVersion,
  { containers, size, shared }: ImageFigures,
): ImageSummary {
  const untagged = image.tags.length === 0 && image.digests.length === 0;
  const none = untagged && differs(version, 'imageNoneTags');
  return {
    Containers: containers,
    Created: unixSeconds(image.created),
    Id: image.id,
    Labels: image.config.config?.Labels == null ? null : { ...image.config.config.Labels },
    ParentId: image.parent ?? '',
    RepoDigests: none ? ['<none>@<none>'] : [...image.digests],
    RepoTags: none ? ['<none>:<none>'] : [...image.tags],
    SharedSize: shared,
    Size: size,
    ...(differs(version, 'imageVirtualSize') ? { VirtualSize: size } : {}),
  };
}

export function renderHistory(item: HistoryItem): History {
  return {
    Comment: item.comment,
    Created: unixSeconds(item.created),
    CreatedBy: item.createdBy,
    Id: item.id,
    Size: item.size,
    Tags: item.tags.length === 0 ? null : [...item.tags],
  };
}
