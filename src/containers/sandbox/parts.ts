import type { Context } from '../../base/context.ts';
import type { Containers } from '../contract.ts';
import type { ContainerDefaults } from '../defaults.ts';
import type { ContainersOptions } from '../options.ts';
import type { Paths } from '../paths.ts';

/** What sandboxes are made with. */
export interface SandboxesOptions
  extends Pick<
    ContainersOptions,
    'snapshots' | 'runtime' | 'trees' | 'networks' | 'log' | 'dataRoot' | 'execRoot' | 'defaults'
  > {
  /** For networks of containers that are joined. */
  readonly containers: Pick<Containers, 'get'>;
}

/** What the verbs of a sandbox work with. */
export interface SandboxParts
  extends Pick<SandboxesOptions, 'snapshots' | 'runtime' | 'trees' | 'networks' | 'log' | 'containers'> {
  readonly paths: Paths;
  readonly defaults: ContainerDefaults;
  /** For what has to be done even though the operation was given up. */
  readonly background: Context;
}
