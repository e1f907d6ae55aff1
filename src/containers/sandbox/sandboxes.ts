import { mkdirSync } from 'node:fs';
import { background } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import { ContainerConfig, HostConfig } from '../../wire/container-config.ts';
import { checkHostConfig } from '../create/check-host-config.ts';
import { builtInDefaults } from '../defaults.ts';
import { createPaths } from '../paths.ts';
import type { Sandboxes } from './contract.ts';
import type { SandboxesOptions, SandboxParts } from './parts.ts';
import { newPlace, stagingDirectory } from './place.ts';
import { limitsOf } from './sandbox-container.ts';
import { SnapshotSandbox } from './snapshot-sandbox.ts';

export interface SandboxService extends Sandboxes {
  /** Removes all that are open, with what runs in them: nothing is left for the next daemon. No more can be opened. */
  shutdown(): Promise<void>;
}

/** Sandboxes with the engine's own parts. What a killed daemon left of its sandboxes is swept up by the recovery of containers. */
export function createSandboxes(options: SandboxesOptions): SandboxService {
  const paths = createPaths(options.dataRoot, options.execRoot);
  mkdirSync(paths.rootTarget, { recursive: true, mode: 0o710 });
  mkdirSync(stagingDirectory(paths), { recursive: true, mode: 0o700 });
  const { snapshots, runtime, trees, networks, log, containers } = options;
  const parts: SandboxParts = {
    ...{ snapshots, runtime, trees, networks, log, containers, paths },
    defaults: { ...builtInDefaults, ...options.defaults },
    background: background(log),
  };
  const open = new Set<SnapshotSandbox>();
  let isOver = false;
  return {
    async open(context, layers) {
      if (isOver) throw new SampanError('unavailable', 'the daemon is shutting down');
      const place = newPlace(paths);
      await snapshots.prepare(context, place.key, layers);
      const sandbox = new SnapshotSandbox(parts, place, layers, () => open.delete(sandbox));
      open.add(sandbox);
      return sandbox;
    },
    checkLimits: (limits) => {
      const hostConfig = { ...HostConfig.zero(), ...limitsOf(limits) };
      checkHostConfig(hostConfig, ContainerConfig.zero(), runtime.capabilities);
    },
    async shutdown() {
      isOver = true;
      await Promise.all([...open].map((sandbox) => sandbox[Symbol.asyncDispose]()));
    },
  };
}
