import type { Database } from 'bun:sqlite';
import type { EventSink } from '../base/events.ts';
import type { Logger } from '../base/log.ts';
import type { Images } from '../images/contract.ts';
import type { Networks } from '../network/contract.ts';
import type { Runtime } from '../runtime/contract.ts';
import type { Trees } from '../runtime/trees/contract.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import type { Volumes } from '../volumes/contract.ts';
import type { ContainerDefaults } from './defaults.ts';

/** What containers are made with. */
export interface ContainersOptions {
  /** Open, with `containersSchema` in it. */
  readonly database: Database;
  readonly images: Images;
  readonly snapshots: SnapshotDriver;
  readonly runtime: Runtime;
  readonly trees: Trees;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly events: EventSink;
  readonly log: Logger;
  /** Persistent state, absolute: `containers/<id>` below it. */
  readonly dataRoot: string;
  /** State of this boot, absolute: mount points below it. */
  readonly execRoot: string;
  /** A static executable that works as PID 1 under the name `docker-init`. */
  readonly initBinary: string;
  readonly defaults?: Partial<ContainerDefaults>;
}
