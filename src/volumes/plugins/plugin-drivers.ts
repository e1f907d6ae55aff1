import type { Context } from '../../base/context.ts';
import type { VolumeDriver } from '../driver.ts';
import { discoverPlugin, PLUGIN_DIRECTORIES } from './discover.ts';
import { PluginConnection } from './plugin-connection.ts';
import { defaultPluginLimits, PluginDriver, type PluginLimits } from './plugin-driver.ts';

/** Plugins as they are asked for: each is found and activated once, and again after it failed to answer. */
export class PluginDrivers {
  readonly #directories: readonly string[];
  readonly #limits: PluginLimits;
  readonly #drivers = new Map<string, Promise<PluginDriver>>();
  readonly #active = new Map<string, PluginDriver>();

  constructor(
    directories: readonly string[] = PLUGIN_DIRECTORIES,
    limits: PluginLimits = defaultPluginLimits,
  ) {
    this.#directories = directories;
    this.#limits = limits;
  }

  /** Fails with `not-found` in Docker's words. */
  find(context: Context, name: string): Promise<VolumeDriver> {
    const known = this.#drivers.get(name);
    if (known !== undefined) return known;
    const opened = this.#open(context, name);
    this.#drivers.set(name, opened);
    opened.catch(() => this.#drivers.delete(name));
    return opened;
  }

  active(): readonly VolumeDriver[] {
    return [...this.#active.values()];
  }

  async #open(context: Context, name: string): Promise<PluginDriver> {
    const address = await discoverPlugin(this.#directories, name);
    const driver = await PluginDriver.activate(context, name, new PluginConnection(address), this.#limits);
    this.#active.set(name, driver);
    return driver;
  }
}
