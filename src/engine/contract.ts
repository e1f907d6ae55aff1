import type { Context } from '../base/context.ts';
import type { EngineEvent } from '../base/events.ts';
import type { Builder, CacheRecord } from '../build/contract.ts';
import type { Buildkit } from '../buildkit/contract.ts';
import type { Containers } from '../containers/contract.ts';
import type { RegistryClient } from '../distribution/contract.ts';
import type { Images, ImagesUsage } from '../images/contract.ts';
import type { Networks } from '../network/contract.ts';
import type { HostCapabilities } from '../runtime/contract.ts';
import type { Volumes } from '../volumes/contract.ts';

/** All that the API may ask of the engine. */
export interface Engine {
  readonly containers: Containers;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly events: Events;
  readonly system: System;
  readonly registries: Registries;
  readonly storage: Storage;
  readonly builder: Builder;
  readonly buildkit: Buildkit;
}

/** What is asked of registries themselves: nothing of it changes what is here. */
export type Registries = Pick<RegistryClient, 'authenticate' | 'search' | 'describe'>;

export interface Storage {
  /** Bytes on disk of everything that the engine keeps, by owner; only the kinds that are asked for are measured. */
  usage(context: Context, kinds: ReadonlySet<StorageKind>): Promise<StorageUsage>;
  /** Bytes on disk of one volume. Fails with `not-found`. */
  volumeBytes(context: Context, name: string): Promise<number>;
}

export type StorageKind = 'image' | 'container' | 'volume' | 'build-cache';

export interface StorageUsage {
  readonly images: ImagesUsage | undefined;
  /** By container ID: its writable part with its log and other files; and the root filesystem as a whole. */
  readonly containers: ReadonlyMap<string, { readonly writable: number; readonly root: number }> | undefined;
  /** By volume name; -1 bytes for what plugins keep. */
  readonly volumes: ReadonlyMap<string, { readonly bytes: number; readonly users: number }> | undefined;
  readonly buildCache: readonly CacheRecord[] | undefined;
}

export interface Events {
  /**
   * Events since `since` that are still remembered (the last 256), then new ones until `until` (both inclusive, nanoseconds)
   * or until the context is given up. Subscribed when this returns.
   */
  subscribe(context: Context, range: EventRange): AsyncIterable<EngineEvent>;
}

export interface EventRange {
  readonly since: bigint | undefined;
  readonly until: bigint | undefined;
}

/** Facts about the daemon and its host that `info` and `version` are made of. */
export interface System {
  facts(): Promise<SystemFacts>;
}

export interface SystemFacts {
  /** Stays the same for a data root. */
  readonly id: string;
  readonly version: string;
  readonly commit: string;
  readonly buildTime: string;
  readonly bunVersion: string;
  readonly name: string;
  readonly kernelVersion: string;
  /** PRETTY_NAME of os-release. */
  readonly operatingSystem: string;
  readonly osVersion: string;
  readonly architecture: string;
  readonly host: HostCapabilities;
  readonly storageDriver: string;
  readonly storageStatus: readonly (readonly [string, string])[];
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  readonly dataRoot: string;
  readonly labels: readonly string[];
  readonly debug: boolean;
  readonly registryMirrors: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly ipv4Forwarding: boolean;
  readonly openFiles: number;
  readonly warnings: readonly string[];
  readonly proxies: { readonly http: string; readonly https: string; readonly no: string };
}
