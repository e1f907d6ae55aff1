import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { background, type Context } from '../base/context.ts';
import { messageOf, SampanError } from '../base/errors.ts';
import { attachEntry } from './attach.ts';
import type { Containers } from './contract.ts';
import { createContainer } from './create/create.ts';
import { builtInDefaults } from './defaults.ts';
import { createExecs, type ExecService } from './execs.ts';
import { listChanges } from './files/changes.ts';
import { commitEntry } from './files/commit.ts';
import { exportEntry } from './files/export.ts';
import { readPath } from './files/read-path.ts';
import { statPath } from './files/stat-path.ts';
import { writePath } from './files/write-path.ts';
import { HealthChecks } from './health/health-checks.ts';
import { connectEntry, disconnectEntry } from './lifecycle/connect-network.ts';
import { createContainerEvents } from './lifecycle/container-events.ts';
import { findLink, removeLink, showLinks } from './lifecycle/links.ts';
import { pauseEntry, unpauseEntry } from './lifecycle/pause.ts';
import { pruneContainers } from './lifecycle/prune.ts';
import { recoverAll, startByPolicy } from './lifecycle/recover.ts';
import { removeEntry } from './lifecycle/remove.ts';
import { renameEntry } from './lifecycle/rename.ts';
import { restartEntry } from './lifecycle/restart.ts';
import { startEntry } from './lifecycle/start.ts';
import { runningTask } from './lifecycle/state-errors.ts';
import { sampleStats } from './lifecycle/stats.ts';
import { killEntry, stopEntry } from './lifecycle/stop.ts';
import { stopAll } from './lifecycle/stop-all.ts';
import { topEntry } from './lifecycle/top.ts';
import { waitFor } from './lifecycle/wait.ts';
import { readContainerLog } from './logs/container-log.ts';
import type { ContainersOptions } from './options.ts';
import type { Parts, Phase } from './parts.ts';
import { createPaths } from './paths.ts';
import type { Entry } from './record.ts';
import { Registry } from './registry.ts';
import { measure } from './size.ts';
import { createContainerStore } from './store.ts';
import { updateEntry } from './update/update.ts';

export interface ContainerService extends Containers {
  /**
   * Takes up what earlier daemons left and starts the networks, with the endpoints of what still runs. Once, before anything else.
   * What restart policies want running is being started when this returns.
   */
  recover(context: Context): Promise<void>;
  /**
   * Stops all that runs, each within its own stop timeout and `seconds`. They count as wanted still: restart policies bring them
   * back at the next boot.
   */
  stopAll(context: Context, seconds: number): Promise<void>;
  /** Lets go of everything; running containers go on, and are there for the next daemon. */
  shutdown(context: Context): Promise<void>;
}

export function createContainers(options: ContainersOptions): ContainerService {
  const paths = createPaths(options.dataRoot, options.execRoot);
  for (const path of [
    paths.containers,
    paths.rootTarget,
    paths.imageViews,
    dirname(paths.sharedMemory('any')),
  ]) {
    mkdirSync(path, { recursive: true, mode: 0o710 });
  }
  let phase: Phase = 'open';
  const parts: Parts = {
    ...options,
    registry: new Registry(),
    store: createContainerStore(options.database),
    events: createContainerEvents(options.events, options.networks),
    health: new HealthChecks(),
    paths,
    defaults: { ...builtInDefaults, ...options.defaults },
    background: background(options.log),
    endExecs: (id) => execs.endAll(id),
    phase: () => phase,
  };
  const execs = createExecs(parts);
  return {
    ...verbs(parts, execs),
    async recover(context) {
      await recoverAll(parts, context);
      startByPolicy(parts);
    },
    async stopAll(_context, seconds) {
      phase = 'stopping';
      await stopAll(parts, seconds);
    },
    async shutdown() {
      phase = 'closed';
      execs.close();
      parts.health.close();
      for (const entry of parts.registry.list()) {
        entry.restarts.cancel();
        entry.attachments.close();
      }
      await Promise.all(parts.registry.list().map((entry) => entry.lock.idle()));
    },
  };
}

function verbs(parts: Parts, execs: ExecService): Containers {
  const find = (reference: string) => findLink(parts, reference)?.linked ?? parts.registry.get(reference);
  const shown = (entry: Entry) => showLinks(parts, [entry])[0] ?? entry.container;
  return {
    execs,
    create: (_context, request) => createContainer(parts, request),
    get: (reference) => shown(find(reference)),
    list: () => showLinks(parts, parts.registry.list()),
    start: async (_context, reference) => startEntry(parts, find(reference)),
    stop: async (_context, reference, options) => stopEntry(parts, find(reference), reference, options),
    restart: async (_context, reference, options) => restartEntry(parts, find(reference), reference, options),
    async kill(_context, reference, signal) {
      try {
        await killEntry(parts, find(reference), signal);
      } catch (error) {
        throw prefixed(`cannot kill container: ${reference}`, error);
      }
    },
    pause: async (_context, reference) => pauseEntry(parts, find(reference)),
    unpause: async (_context, reference) => unpauseEntry(parts, find(reference)),
    rename: async (_context, reference, name) => renameEntry(parts, find(reference), name),
    async remove(_context, reference, options) {
      if (options.link) return removeLink(parts, reference);
      const entry = find(reference);
      await removeEntry(parts, entry, options, reference);
    },
    prune: (context, filter) => pruneContainers(parts, context, filter),
    connect: async (_context, reference, network, settings) =>
      connectEntry(parts, find(reference), network, settings),
    disconnect: async (_context, reference, network, options) =>
      disconnectEntry(parts, find(reference), network, options),
    update: async (_context, reference, change) => updateEntry(parts, find(reference), change),
    wait: async (context, reference, condition) => waitFor(context, find(reference), condition),
    async resize(context, reference, size) {
      const entry = find(reference);
      await runningTask(entry).resize(context, size);
      const attributes = { height: String(size.rows), width: String(size.columns) };
      parts.events.container(entry.container, 'resize', attributes);
    },
    top: async (_context, reference, psArguments) => topEntry(parts, find(reference), psArguments),
    stats: async (_context, reference) => sampleStats(parts, find(reference)),
    attach: async (context, reference, options) =>
      attachEntry(parts, context, find(reference), reference, options),
    logs: async (context, reference, options) => readContainerLog(parts, context, find(reference), options),
    size: async (_context, reference) => measure(parts, find(reference)),
    statPath: async (context, reference, path) => statPath(parts, context, find(reference), reference, path),
    readPath: async (context, reference, path) => readPath(parts, context, find(reference), reference, path),
    writePath: async (context, reference, path, tar, options) =>
      writePath(parts, context, find(reference), reference, path, tar, options),
    export: async (context, reference) => exportEntry(parts, context, find(reference)),
    changes: async (context, reference) => listChanges(parts, context, find(reference)),
    commit: async (context, reference, options) => commitEntry(parts, context, find(reference), options),
  };
}

function prefixed(prefix: string, error: unknown): SampanError {
  const code = error instanceof SampanError ? error.code : 'internal';
  return new SampanError(code, `${prefix}: ${messageOf(error)}`, { cause: error });
}
