/** The Engine API's versions: which are served, and what differs between them. */

export type ApiVersion = `1.${number}`;

export const minimumVersion: ApiVersion = '1.24';
export const currentVersion: ApiVersion = '1.51';

/** Negative, zero or positive as `left` is older than, equal to or newer than `right`. Parts are compared as numbers; missing ones are 0. */
export function compareVersions(left: string, right: string): number {
  if (left === right) return 0;
  const a = left.split('.');
  const b = right.split('.');
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = Number(a[index] ?? 0) - Number(b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export type VersionChoice =
  | { readonly version: ApiVersion; readonly error?: undefined }
  | { readonly version?: undefined; readonly error: string };

/** What a request's version prefix means ("1.44", no "v"); the error texts are the ones that clients know. */
export function chooseVersion(asked: string): VersionChoice {
  if (!/^[0-9.]+$/.test(asked) || compareVersions(asked, minimumVersion) < 0) {
    return {
      error: `client version ${asked} is too old. Minimum supported API version is ${minimumVersion}, please upgrade your client to a newer version`,
    };
  }
  if (compareVersions(asked, currentVersion) > 0) {
    return {
      error: `client version ${asked} is too new. Maximum supported API version is ${currentVersion}`,
    };
  }
  return { version: asked as ApiVersion };
}

/** A client's side of the negotiation: the newest version that both know. An old daemon may not say which it has. */
export function negotiateVersion(daemon: string | undefined): ApiVersion {
  if (daemon === undefined || !/^1\.\d+$/.test(daemon)) return minimumVersion;
  return compareVersions(daemon, currentVersion) < 0 ? (daemon as ApiVersion) : currentVersion;
}

/**
 * What a client is told to be the newest version, by its User-Agent. docker-compose 1 speaks the newest that a daemon has, but was written for
 * answers up to 1.44: with later ones it fails when it recreates a container, which has then lost its name.
 */
export function announceVersion(userAgent: string | undefined): ApiVersion {
  return userAgent?.startsWith('docker-compose/1.') ? '1.44' : currentVersion;
}

interface Range {
  /** First version that behaves so. */
  readonly since?: ApiVersion;
  /** Last version that behaves so. */
  readonly until?: ApiVersion;
}

/**
 * What differs between versions, by name. Facts: Docker's API version history and the responses' key ranges; where only `until`
 * is given, the behaviour has always been there and ended.
 */
export const versionDifferences = {
  /** Image list and inspect carry VirtualSize beside Size. */
  imageVirtualSize: { until: '1.43' },
  /** Untagged images have the tag `<none>:<none>` and the digest `<none>@<none>` in lists. */
  imageNoneTags: { until: '1.42' },
  /** Image inspect carries Container and ContainerConfig. */
  imageContainerConfig: { until: '1.44' },
  /** Image inspect's Config has all keys of a container's. */
  imageContainerKeys: { until: '1.49' },
  /** Images list carries Containers counts. */
  imageContainerCount: { since: '1.51' },
  /** The image list heeds manifests. */
  imageListManifests: { since: '1.47' },
  /** Image inspect heeds manifests; it and lists with manifests carry a Descriptor. */
  imageDescriptor: { since: '1.48' },
  /** Removing an image heeds platforms. */
  imageRemovePlatforms: { since: '1.50' },
  /** The image list heeds shared-size. */
  imageSharedSize: { since: '1.42' },
  /** Disk usage heeds type. */
  diskUsageTypes: { since: '1.42' },
  /** Disk usage is told in lists alone. */
  diskUsageLists: { until: '1.51' },
  /** Disk usage tells the build cache's size beside its list. */
  diskUsageBuilderSize: { until: '1.41' },
  /** `filter` stands for filters.reference in the image list. */
  imageListFilterParameter: { until: '1.40' },
  /** Attach, exec and logs say in Content-Type that the stream is multiplexed. */
  multiplexedContentType: { since: '1.42' },
  /** Attaching over a websocket heeds the stream parameters. */
  websocketStreams: { since: '1.42' },
  /** Events carry status, id and from at top level. */
  eventLegacyFields: { until: '1.51' },
  /** Making an image is told as an event. */
  imageCreateEvent: { since: '1.46' },
  /** Inspect carries the default bridge's endpoint at the top of NetworkSettings. */
  defaultNetworkSettings: { until: '1.51' },
  /** Endpoints carry DNSNames; before, the short ID was among Aliases. */
  endpointDnsNames: { since: '1.44' },
  /** Endpoints carry GwPriority. */
  endpointGatewayPriority: { since: '1.48' },
  /** Networks carry EnableIPv4. */
  networkEnableIPv4: { since: '1.47' },
  /** The network list fills Containers. */
  networkListContainers: { until: '1.27' },
  /** Volume prune takes only anonymous volumes unless all=true. */
  volumePruneAnonymousOnly: { since: '1.42' },
  /** Wait takes a condition and answers with headers at once. */
  waitCondition: { since: '1.30' },
  /** Stop and restart take a signal. */
  stopSignal: { since: '1.42' },
  /** Stats heed one-shot. */
  statsOneShot: { since: '1.41' },
  /** Create joins several networks. */
  severalEndpoints: { since: '1.44' },
  /** Create heeds platform. */
  createPlatform: { since: '1.41' },
  /** Containers are made with a shareable IPC namespace by default. */
  shareableIpcDefault: { until: '1.39' },
  /** Containers are made with the host's cgroup namespace by default. */
  hostCgroupnsDefault: { until: '1.40' },
  /** Read-only bind mounts are not recursively read-only. */
  readOnlyNonRecursive: { until: '1.43' },
  /** Container list items carry HostConfig.Annotations. */
  summaryAnnotations: { since: '1.46' },
  /** Exec takes ConsoleSize. */
  execConsoleSize: { since: '1.42' },
  /** Version lists Components. */
  versionComponents: { since: '1.35' },
  /** Info carries the kernel's bridge-nf settings. */
  infoBridgeNetfilter: { until: '1.49' },
  /** Info's commits carry Expected. */
  infoExpectedCommits: { until: '1.48' },
  /** Info tells the firewall backend. */
  infoFirewall: { since: '1.49' },
  /** Info carries KernelMemory. */
  infoKernelMemory: { until: '1.41' },
  /** Info lists registries for non-distributable artifacts. */
  infoNondistributable: { until: '1.48' },
} as const satisfies Record<string, Range>;

export type VersionDifference = keyof typeof versionDifferences;

/** Whether `version` behaves as the named difference says. */
export function differs(version: ApiVersion, name: VersionDifference): boolean {
  const range: Range = versionDifferences[name];
  if (range.since !== undefined && compareVersions(version, range.since) < 0) return false;
  return range.until === undefined || compareVersions(version, range.until) <= 0;
}
