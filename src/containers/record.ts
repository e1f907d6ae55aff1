import type { Task } from '../runtime/contract.ts';
import type { HostConfig } from '../wire/container-config.ts';
import type { Container } from './contract.ts';
import { LiveRoots } from './files/live-roots.ts';
import { Mutex } from './lifecycle/mutex.ts';
import type { PendingAttachments } from './lifecycle/pending-attachments.ts';
import type { RestartTimer } from './lifecycle/restart-policy.ts';
import { Waiters } from './lifecycle/waiters.ts';
import type { StoredMount } from './mounts/stored-mount.ts';

/** The part of a container that create decides. */
export type Identity = Pick<
  Container,
  'imageId' | 'platform' | 'path' | 'args' | 'config' | 'hostConfig' | 'networking' | 'driver' | 'driverData'
> & {
  readonly createdNano: string;
  readonly mounts: readonly StoredMount[];
};

/** The part that changes while it lives. */
export type Situation = Pick<Container, 'state' | 'restartCount' | 'networks' | 'files'> & Flags;

/** What inspect does not show and a new daemon has to know. */
export interface Flags {
  /** Written before the launcher is asked: a start that nobody heard the end of. */
  readonly starting: boolean;
  /** Stopped or killed by somebody: `unless-stopped` stays down at boot. */
  readonly manuallyStopped: boolean;
  readonly startedBefore: boolean;
  /** See `writeEtcFiles`. */
  readonly resolvConfHash: string;
  /** Of a removal that was begun: anonymous volumes go too. */
  readonly removeVolumes: boolean;
  /** A change of its networks, ports or limits was begun while it runs: kernel and supervisor may not be as the row says. See `settle`. */
  readonly unsettled: boolean;
  /** Such a change ended so that they are not: it failed, and could not be taken back. See `takeBack`. */
  readonly astray: boolean;
}

export const initialFlags: Flags = {
  starting: false,
  manuallyStopped: false,
  startedBefore: false,
  resolvConfHash: '',
  removeVolumes: false,
  unsettled: false,
  astray: false,
};

/** A container as this folder works on it: `container` and `flags` are replaced, never changed. */
export interface Entry {
  readonly id: string;
  container: Container;
  flags: Flags;
  /** As `container.mounts`; those that come or go with the next start are among them. */
  mounts: readonly StoredMount[];
  /** Held by verbs that change the container, and by the handling of its exit. */
  readonly lock: Mutex;
  readonly liveRoots: LiveRoots;
  readonly waiters: Waiters;
  readonly attachments: PendingAttachments;
  readonly restarts: RestartTimer;
  task: Task | undefined;
  /** The exit that is coming is part of `restart`: neither policy nor AutoRemove applies. */
  restarting: boolean;
  /** Set while a removal is under way. */
  removing: boolean;
}

export interface EntryParts {
  readonly container: Container;
  readonly flags: Flags;
  readonly mounts: readonly StoredMount[];
  readonly attachments: PendingAttachments;
  readonly restarts: RestartTimer;
}

export function createEntry(parts: EntryParts): Entry {
  return {
    id: parts.container.id,
    ...parts,
    lock: new Mutex(),
    liveRoots: new LiveRoots(),
    waiters: new Waiters(),
    task: undefined,
    restarting: false,
    removing: false,
  };
}

/** Docker's "Running": paused and restarting containers count. */
export function isRunning(entry: Entry): boolean {
  const { status } = entry.container.state;
  return status === 'running' || status === 'paused' || status === 'restarting';
}

/** A mode "container:X": X; undefined for any other. */
export function joinedContainer(mode: string): string | undefined {
  return mode.startsWith('container:') ? mode.slice('container:'.length) : undefined;
}

export function usesInit(hostConfig: HostConfig, byDefault: boolean): boolean {
  const privatePid = hostConfig.PidMode === '' || hostConfig.PidMode === 'private';
  return privatePid && (hostConfig.Init ?? byDefault);
}
