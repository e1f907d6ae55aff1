import type { PublishedPort } from '../../network/contract.ts';
import type { LogRotation, Task } from '../../runtime/contract.ts';
import type { HostConfig, Resources } from '../../wire/container-config.ts';
import type { Container } from '../contract.ts';
import { freshHealth } from '../health/health-checks.ts';
import { portRequests } from '../lifecycle/network-requests.ts';
import { changePorts } from '../lifecycle/published-ports.ts';
import { orNotRunning } from '../lifecycle/state-errors.ts';
import { transition } from '../lifecycle/transition.ts';
import { readRotation } from '../logs/log-config.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { buildResources } from '../spec/resource-limits.ts';
import type { Draft } from './draft.ts';
import { changedRotation } from './log.ts';

export interface Live {
  /** The limits that are named, and no others. */
  readonly resources: Resources;
  /** Ports that are open and meant to go. */
  readonly going: readonly PublishedPort[];
}

/**
 * Makes a container what its draft says, as one step: what runs first gets its ports, which may be refused, then the row is written, then limits
 * follow. A daemon that is killed before the row leaves it as it was, one killed later finishes with `settle`.
 */
export async function applyDraft(parts: Parts, entry: Entry, draft: Draft, live: Live): Promise<void> {
  const { task, container, mounts } = entry;
  if (task === undefined) {
    adopt(entry, draft, container.networks);
    parts.store.saveIdentity(entry);
    return;
  }
  const finish = async (networks: Container['networks']): Promise<void> => {
    adopt(entry, draft, networks);
    entry.flags = { ...entry.flags, unsettled: true };
    parts.store.save(entry);
    await limitTask(parts, task, container.hostConfig, draft.hostConfig, live.resources);
  };
  try {
    if (portsDiffer(container, draft)) await publish(parts, entry, task, draft, live.going, finish);
    else await finish(container.networks);
  } catch (error) {
    const { config, hostConfig, networks } = container;
    adopt(entry, { config, hostConfig, mounts }, networks);
    entry.flags = { ...entry.flags, unsettled: false };
    parts.store.save(entry);
    throw error;
  }
  transition(parts, entry, { flags: { unsettled: false } });
  followHealth(parts, entry, container);
}

/** Its state, which may change meanwhile, is not an update's. */
function adopt(
  entry: Entry,
  draft: Pick<Draft, 'config' | 'hostConfig' | 'mounts'>,
  networks: Container['networks'],
): void {
  const { config, hostConfig, mounts } = draft;
  const [path = '', ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  entry.mounts = mounts;
  entry.container = {
    ...entry.container,
    ...{ config, hostConfig, path, args, networks },
    mounts: mounts.map(({ point }) => point),
  };
}

function portsDiffer(before: Container, { config, hostConfig }: Draft): boolean {
  return !Bun.deepEquals(portRequests(before), portRequests({ config, hostConfig }));
}

async function publish(
  parts: Parts,
  entry: Entry,
  task: Task,
  draft: Draft,
  without: readonly PublishedPort[],
  finish: (networks: Container['networks']) => Promise<void>,
): Promise<void> {
  const { gateway: to } = draft;
  if (to === undefined) return finish(entry.container.networks);
  transition(parts, entry, { flags: { unsettled: true } });
  const ports = portRequests(draft);
  await changePorts(parts, entry, task, { to, ports, without }, finish);
}

/** What the kernel refuses is as it was, and so is the log. */
async function limitTask(
  parts: Parts,
  task: Task,
  before: HostConfig,
  after: HostConfig,
  resources: Resources,
): Promise<void> {
  const { background } = parts;
  const rotation = changedRotation(before, after);
  if (rotation !== undefined) {
    await task.limitLog(background, rotation).catch((error: unknown) => {
      throw orNotRunning(error, task.id);
    });
  }
  try {
    await task.update(background, buildResources(resources));
  } catch (error) {
    if (rotation !== undefined) await task.limitLog(background, rotationOf(before));
    throw error;
  }
}

/** The same for what a row says, after a daemon was killed in between. */
export async function limitAgain(parts: Parts, { container }: Entry, task: Task): Promise<void> {
  const { hostConfig, files } = container;
  if (files.log !== '' && hostConfig.LogConfig.Type !== 'none')
    await task.limitLog(parts.background, rotationOf(hostConfig));
  await task.update(parts.background, buildResources(hostConfig));
}

function rotationOf({ LogConfig }: HostConfig): LogRotation {
  return readRotation(LogConfig.Config ?? {});
}

/** Another command makes the health that was found out worth nothing. */
function followHealth(parts: Parts, entry: Entry, before: Container): void {
  const [old, now] = [before.config.Healthcheck, entry.container.config.Healthcheck];
  if (Bun.deepEquals(old, now)) return;
  if (!Bun.deepEquals(old?.Test, now?.Test)) {
    transition(parts, entry, { state: { health: freshHealth(entry) } });
  }
  parts.health.refollow(parts, entry);
}
