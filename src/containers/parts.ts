import type { Context } from '../base/context.ts';
import type { ContainerDefaults } from './defaults.ts';
import type { HealthChecks } from './health/health-checks.ts';
import type { ContainerEvents } from './lifecycle/container-events.ts';
import type { ContainersOptions } from './options.ts';
import type { Paths } from './paths.ts';
import type { Registry } from './registry.ts';
import type { ContainerStore } from './store.ts';

/**
 * `stopping`: containers are stopped because the daemon goes down, not because somebody wanted them stopped.
 * `closed`: whatever ends now is for the next daemon to notice.
 */
export type Phase = 'open' | 'stopping' | 'closed';

/** What the verbs work with: the neighbours, and this folder's own state. */
export interface Parts
  extends Pick<
    ContainersOptions,
    'images' | 'snapshots' | 'runtime' | 'trees' | 'networks' | 'volumes' | 'log' | 'initBinary' | 'dataRoot'
  > {
  readonly registry: Registry;
  readonly store: ContainerStore;
  readonly events: ContainerEvents;
  readonly health: HealthChecks;
  readonly paths: Paths;
  readonly defaults: ContainerDefaults;
  /** For what goes on when nobody waits for it, and for what must not stop half-way because a client left. */
  readonly background: Context;
  /** Ends the execs of a container that has ended. */
  readonly endExecs: (containerId: string) => void;
  readonly phase: () => Phase;
}
