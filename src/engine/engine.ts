import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { background, type Context } from '../base/context.ts';
import { openDatabase } from '../base/database.ts';
import type { Logger } from '../base/log.ts';
import type { Builder } from '../build/contract.ts';
import { buildSchema } from '../build/schema.ts';
import { StepCache } from '../build/solver/step-cache.ts';
import type { Buildkit } from '../buildkit/contract.ts';
import { HistoryStore } from '../buildkit/history/history-store.ts';
import { historySchema } from '../buildkit/history/schema.ts';
import { type ContainerService, createContainers } from '../containers/containers.ts';
import type { MountPoint } from '../containers/contract.ts';
import type { ContainerDefaults } from '../containers/defaults.ts';
import { createPaths } from '../containers/paths.ts';
import { createSandboxes, type SandboxService } from '../containers/sandbox/sandboxes.ts';
import { containersSchema } from '../containers/schema.ts';
import { openContentStore } from '../content/filesystem-store.ts';
import type { RegistrySettings } from '../distribution/endpoints.ts';
import { completeProxies } from '../distribution/proxies.ts';
import { createRegistryClient } from '../distribution/registry-client.ts';
import { openImages, type StoredImages } from '../images/images.ts';
import { imagesSchema } from '../images/schema.ts';
import type { Networks } from '../network/contract.ts';
import { createNetworks } from '../network/networks.ts';
import type { NetworksOptions } from '../network/options.ts';
import { networkSchema } from '../network/schema.ts';
import { type LauncherProcess, openLauncher } from '../runtime/launcher.ts';
import { createRuntime } from '../runtime/runtime.ts';
import { createTrees } from '../runtime/trees/trees.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import type { Volumes } from '../volumes/contract.ts';
import { volumesSchema } from '../volumes/schema.ts';
import { createVolumes } from '../volumes/volumes.ts';
import type { Engine, Events, Registries, Storage, System, SystemFacts } from './contract.ts';
import { EventBus } from './event-bus.ts';
import { identify } from './identity.ts';
import { openBuilder } from './open-builder.ts';
import { openBuildkit } from './open-buildkit.ts';
import { describeStorage, openSnapshots } from './storage.ts';
import { createStorage } from './storage-usage.ts';
import { createSystem } from './system-facts.ts';

/** How an engine is set up: where its state is, what its network is called, and the defaults of its containers. */
export interface EngineOptions {
  /** Persistent state, absolute. */
  readonly dataRoot: string;
  /** State of this boot, absolute. */
  readonly execRoot: string;
  /** The launcher's executable. */
  readonly launcher: string;
  /** An executable that works as PID 1 of a container. */
  readonly initBinary: string;
  readonly cgroupParent: string;
  /** "erofs", "overlay", or empty for the best that works here. */
  readonly storageDriver: string;
  readonly network: Omit<NetworksOptions, 'launcher' | 'database' | 'events' | 'log' | 'namesDirectory'>;
  readonly containerDefaults: Partial<ContainerDefaults>;
  /** What the daemon may change while it runs. */
  readonly live: () => LiveSettings;
  readonly log: Logger;
}

interface LiveSettings {
  readonly labels: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly registryCertificates: readonly string[];
  readonly hubSearchUrl: string;
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
  readonly maxConcurrentDownloads: number;
  readonly maxConcurrentUploads: number;
  readonly maxDownloadAttempts: number;
  readonly debug: boolean;
}

/** An engine with its life cycle. Disposing leaves containers running: the next engine on the same state finds them. */
export interface RunningEngine extends Engine, AsyncDisposable {
  /** Tells subscribers of events that the daemon's settings were read anew. */
  announceReload(): Promise<void>;
  /** Stops all that run, each with `seconds` to end by itself. */
  stopContainers(context: Context, seconds: number): Promise<void>;
}

/** Opens the engine's state and takes over what an earlier daemon left running. The one place that names implementations. */
export async function openEngine(context: Context, options: EngineOptions): Promise<RunningEngine> {
  const { dataRoot, execRoot, log } = options;
  await mkdir(dataRoot, { recursive: true, mode: 0o710 });
  // Also where somebody else made it: below it lie programs of images that set their user, and devices.
  await chmod(dataRoot, 0o710);
  await mkdir(execRoot, { recursive: true, mode: 0o711 });
  const launcher = await openLauncher({
    binary: options.launcher,
    socket: join(execRoot, 'launcher.sock'),
    log,
  });
  const runtime = await createRuntime({ execRoot, launcher, cgroupParent: options.cgroupParent, log });
  const content = await openContentStore(join(dataRoot, 'content'));
  const snapshots = await openSnapshots(options.storageDriver, { dataRoot, execRoot, content, launcher });
  const schemas = [imagesSchema, networkSchema, volumesSchema, containersSchema, buildSchema, historySchema];
  const database = openDatabase(join(dataRoot, 'sampan.db'), schemas);
  const events = new EventBus();
  const networks = createNetworks({
    ...{ launcher, database, events, log, namesDirectory: join(execRoot, 'names') },
    ...options.network,
  });
  const usersOf = (volume: string) => mountersOf(containers, volume);
  const trees = createTrees(launcher);
  const volumes = createVolumes({
    root: join(dataRoot, 'volumes'),
    ...{ database, launcher, trees, events, usersOf },
  });
  const users = { containersOf: (id: string) => containersOf(containers, id) };
  const cache = new StepCache(database);
  const history = new HistoryStore(database);
  const registries = createRegistryClient(() => registrySettings(options.live()));
  const images = await openImages({
    ...{ database, content, snapshots, events, users, registries },
    maxConcurrentDownloads: () => options.live().maxConcurrentDownloads,
    maxConcurrentUploads: () => options.live().maxConcurrentUploads,
    otherLayers: () => [...cache.layers(), ...history.blobs()],
  });
  const defaults = { ...options.containerDefaults, cgroupParent: options.cgroupParent };
  const containers = createContainers({
    ...{ database, images, snapshots, runtime, networks, volumes, events, log, dataRoot, execRoot, trees },
    ...{ initBinary: options.initBinary, defaults },
  });
  const sandboxes = createSandboxes({
    ...{ snapshots, runtime, trees, networks, log, dataRoot, execRoot, defaults, containers },
  });
  const builder = await openBuilder({
    ...{ database, images, registries, content, snapshots, trees, sandboxes, cache, dataRoot, execRoot },
  });
  const storage = createStorage({
    ...{ images, containers, volumes, snapshots, builder, usersOf, log },
    directoryOf: createPaths(dataRoot, execRoot).directory,
  });
  const id = await identify(dataRoot);
  const storageStatus = await describeStorage(dataRoot);
  const buildkit = await openBuildkit({
    ...{ builder, images, content, history, trees, snapshots, networks, id, execRoot, log },
  });
  const system = createSystem(
    () => ({
      ...{ ...options.live(), id, storageDriver: snapshots.name, storageStatus, dataRoot },
      proxies: shownProxies(options.live()),
    }),
    runtime.capabilities,
  );
  await containers.recover(context);
  await images.collect(context);
  return new ComposedEngine({
    containers,
    images,
    networks,
    volumes,
    events,
    system,
    registries,
    storage,
    builder,
    buildkit,
    sandboxes,
    launcher,
    snapshots,
    database,
    log,
  });
}

function registrySettings(live: LiveSettings): RegistrySettings {
  const { registryMirrors, insecureRegistries, maxDownloadAttempts } = live;
  const { httpProxy, httpsProxy, noProxy, registryCertificates, hubSearchUrl } = live;
  return {
    ...{ registryMirrors, insecureRegistries, maxDownloadAttempts },
    proxies: { httpProxy, httpsProxy, noProxy },
    ...(registryCertificates.length === 0 ? {} : { certificateDirectories: registryCertificates }),
    ...(hubSearchUrl === '' ? {} : { hubSearch: hubSearchUrl }),
  };
}

/** What a URL says of a user is nobody's business. */
function shownProxies(live: LiveSettings): SystemFacts['proxies'] {
  const masked = (text: string): string => text.replace(/^(\w+:\/\/)[^@/]*@/, '$1xxxxx:xxxxx@');
  const { httpProxy, httpsProxy, noProxy } = completeProxies(live, process.env);
  return { http: masked(httpProxy), https: masked(httpsProxy), no: noProxy };
}

function containersOf(containers: ContainerService, id: string): { id: string; running: boolean }[] {
  return containers
    .list()
    .filter(({ imageId, mounts }) => imageId === id || mounts.some((mount) => isImage(mount, id)))
    .map(({ id, state }) => ({ id, running: ['running', 'paused', 'restarting'].includes(state.status) }));
}

function isImage({ type, source }: MountPoint, id: string): boolean {
  return type === 'image' && source === id;
}

function mountersOf(containers: ContainerService, volume: string): string[] {
  return containers
    .list()
    .filter(({ mounts }) => mounts.some((mount) => mount.type === 'volume' && mount.name === volume))
    .map(({ id }) => id);
}

interface Parts {
  readonly containers: ContainerService;
  readonly images: StoredImages;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly events: EventBus;
  readonly system: System;
  readonly registries: Registries;
  readonly storage: Storage;
  readonly builder: Builder;
  readonly buildkit: Buildkit;
  readonly sandboxes: SandboxService;
  readonly launcher: LauncherProcess;
  readonly snapshots: SnapshotDriver;
  readonly database: { close(): void };
  readonly log: Logger;
}

class ComposedEngine implements RunningEngine {
  readonly containers: ContainerService;
  readonly images: StoredImages;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly events: Events;
  readonly system: System;
  readonly registries: Registries;
  readonly storage: Storage;
  readonly builder: Builder;
  readonly buildkit: Buildkit;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.containers = parts.containers;
    this.images = parts.images;
    this.networks = parts.networks;
    this.volumes = parts.volumes;
    this.events = parts.events;
    this.system = parts.system;
    this.registries = parts.registries;
    this.storage = parts.storage;
    this.builder = parts.builder;
    this.buildkit = parts.buildkit;
    this.#parts = parts;
  }

  async announceReload(): Promise<void> {
    const { id, name, debug, labels, registryMirrors, insecureRegistries } = await this.system.facts();
    const lists = { labels, 'registry-mirrors': registryMirrors, 'insecure-registries': insecureRegistries };
    const texts = Object.entries(lists).map(([key, list]) => [key, JSON.stringify(list)]);
    const attributes = { name, debug: String(debug), ...Object.fromEntries(texts) };
    this.#parts.events.publish({ type: 'daemon', action: 'reload', id, attributes });
  }

  stopContainers(context: Context, seconds: number): Promise<void> {
    return this.containers.stopAll(context, seconds);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { sandboxes, launcher, snapshots, database, log } = this.#parts;
    const context = background(log);
    await sandboxes.shutdown();
    await this.containers.shutdown(context);
    const alive = new Set(
      this.containers
        .list()
        .filter(({ state }) => state.pid > 0)
        .map(({ id }) => id),
    );
    await snapshots.release(context, alive);
    if (alive.size === 0) await this.networks.stop(context);
    await launcher[Symbol.asyncDispose]();
    database.close();
  }
}
