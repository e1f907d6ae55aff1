import type { Context } from '../base/context.ts';
import type { VolumeDriver } from './driver.ts';
import type { LocalDriver } from './local/local-driver.ts';

/** Drivers by name. */
export interface Drivers {
  readonly local: LocalDriver;
  /** Empty means local. Fails with `not-found` in Docker's words. */
  find(context: Context, driver: string): Promise<VolumeDriver>;
  /** Plugins that have been used. */
  active(): readonly VolumeDriver[];
}
