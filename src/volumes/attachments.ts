import type { Context } from '../base/context.ts';
import type { Volume } from './contract.ts';
import type { Drivers } from './drivers.ts';
import { Holders } from './holders.ts';
import { LOCAL } from './local/local-driver.ts';
import { needsMount } from './local/options.ts';
import type { VolumeTable } from './table.ts';
import type { Turns } from './turns.ts';

/** Who has which volume's data at hand, and the mounts that this takes. */
export class Attachments {
  readonly #table: VolumeTable;
  readonly #drivers: Drivers;
  readonly #turns: Turns;
  readonly #holders = new Holders();

  constructor(table: VolumeTable, drivers: Drivers, turns: Turns) {
    this.#table = table;
    this.#drivers = drivers;
    this.#turns = turns;
  }

  acquire(context: Context, name: string, user: string): Promise<string> {
    const volume = this.#table.get(name);
    if (isPlain(volume)) {
      this.#holders.add(name, user);
      return Promise.resolve(volume.mountpoint);
    }
    return this.#turns.run(name, () => this.attach(context, this.#table.get(name), user));
  }

  async release(context: Context, name: string, user: string): Promise<void> {
    const volume = this.#table.find(name);
    if (volume === undefined || isPlain(volume)) {
      this.#holders.delete(name, user);
      return;
    }
    await this.#turns.run(name, () => this.detach(context, volume, user));
  }

  resume(name: string, user: string): void {
    if (this.#table.find(name) !== undefined) this.#holders.add(name, user);
  }

  isHeld(name: string): boolean {
    return this.#holders.any(name);
  }

  /** For a caller whose turn it is. */
  async attach(context: Context, volume: Volume, user: string): Promise<string> {
    const driver = await this.#drivers.find(context, volume.driver);
    const alone = !this.#holders.any(volume.name, user);
    const path = await driver.attach(context, { ...volume, user, alone });
    this.#holders.add(volume.name, user);
    return path;
  }

  /** For a caller whose turn it is. */
  async detach(context: Context, volume: Volume, user: string): Promise<void> {
    if (!this.#holders.has(volume.name, user)) return;
    const driver = await this.#drivers.find(context, volume.driver);
    const alone = !this.#holders.any(volume.name, user);
    this.#holders.delete(volume.name, user);
    await driver.detach(context, { ...volume, user, alone });
  }

  /** Unmounts what earlier daemons left mounted for users who are gone. */
  async settle(context: Context): Promise<void> {
    const { local } = this.#drivers;
    for (const name of local.mounted()) if (!this.#holders.any(name)) await local.unmount(context, name);
  }
}

/** Whether its data are always at hand. */
function isPlain({ driver, options }: Volume): boolean {
  return driver === LOCAL && !needsMount(options);
}
