import type { Endpoint } from '../../network/contract.ts';
import type { ContainerConfig, HostConfig } from '../../wire/container-config.ts';
import type { AppliedChange } from '../contract.ts';
import { endpointsOf } from '../lifecycle/endpoints.ts';
import { gatewaysOf, portGateway } from '../lifecycle/gateways.ts';
import type { StoredMount } from '../mounts/stored-mount.ts';
import { type Entry, isRunning } from '../record.ts';

/** Who has to be told of a change: nobody, as it counts when it is looked up; what runs, if it does; the next start. */
export type Concerns = 'nobody' | 'what runs' | 'next start';

/** A container as an update is to leave it, and the words for what it changed. Nothing has happened as long as there is but this. */
export class Draft {
  config: ContainerConfig;
  hostConfig: HostConfig;
  mounts: readonly StoredMount[];
  readonly name: string;
  readonly running: boolean;
  /** The endpoint by which what runs is reached from outside, if there is one. */
  readonly gateway: Endpoint | undefined;
  readonly changes: AppliedChange[] = [];
  readonly warnings: string[] = [];

  constructor(entry: Entry) {
    const { config, hostConfig, name } = entry.container;
    this.config = config;
    this.hostConfig = hostConfig;
    this.mounts = entry.mounts;
    this.name = name;
    this.running = entry.task !== undefined && isRunning(entry);
    this.gateway = portGateway(gatewaysOf(entry, endpointsOf(entry)));
  }

  note(concerns: Concerns, kind: string, name = '', removed = false): void {
    const now = concerns === 'nobody' || (concerns === 'what runs' && this.running);
    this.changes.push({ kind, name, removed, applied: now ? 'now' : 'next start' });
  }
}
