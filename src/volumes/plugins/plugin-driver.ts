import { posix } from 'node:path';
import type { Context } from '../../base/context.ts';
import { messageOf, SampanError } from '../../base/errors.ts';
import type { Attachment, FoundVolume, VolumeDriver } from '../driver.ts';
import { fieldsOf } from './discover.ts';
import type { PluginConnection } from './plugin-connection.ts';

/** Seconds that a plugin may take: mounts of network filesystems are slow. */
export interface PluginLimits {
  readonly short: number;
  readonly long: number;
}

export const defaultPluginLimits: PluginLimits = { short: 60, long: 120 };

const VOLUMES_MAX = 100_000;

/** Seconds: who lists all volumes waits for each plugin. */
const LIST_LIMIT = 10;

/** A driver behind Docker's plugin protocol (docs.docker.com, "Docker volume plugins"): JSON over HTTP, one path for each verb. */
export class PluginDriver implements VolumeDriver {
  readonly name: string;
  readonly scope: string;
  readonly #connection: PluginConnection;
  readonly #limits: PluginLimits;

  private constructor(name: string, scope: string, connection: PluginConnection, limits: PluginLimits) {
    this.name = name;
    this.scope = scope;
    this.#connection = connection;
    this.#limits = limits;
  }

  /** Asks who it is. Fails with `not-found` when it is no volume driver. */
  static async activate(
    context: Context,
    name: string,
    connection: PluginConnection,
    limits: PluginLimits,
  ): Promise<PluginDriver> {
    const { Implements } = await connection.call(context, 'Plugin.Activate', {}, limits.short);
    if (!Array.isArray(Implements) || !Implements.includes('VolumeDriver')) {
      const reason = `plugin ${JSON.stringify(name)} does not implement the requested "VolumeDriver" interface`;
      throw new SampanError('not-found', `error looking up volume plugin ${name}: ${reason}`);
    }
    return new PluginDriver(name, await scopeOf(context, connection, limits), connection, limits);
  }

  async create(context: Context, name: string, options: Readonly<Record<string, string>>): Promise<string> {
    try {
      await this.#long(context, 'Create', { Name: name, Opts: options });
    } catch (error) {
      throw prefixed(`create ${name}`, error);
    }
    // Many tell no path before a volume is mounted.
    const { Mountpoint } = await this.#short(context, 'Path', { Name: name }).catch(() => ({
      Mountpoint: '',
    }));
    return isPath(Mountpoint) ? Mountpoint : '';
  }

  async remove(context: Context, name: string): Promise<void> {
    try {
      await this.#short(context, 'Remove', { Name: name });
    } catch (error) {
      throw prefixed(`remove ${name}`, error);
    }
  }

  async attach(context: Context, { name, user }: Attachment): Promise<string> {
    try {
      const { Mountpoint } = await this.#long(context, 'Mount', { Name: name, ID: user });
      if (isPath(Mountpoint)) return Mountpoint;
      throw new SampanError('unavailable', 'VolumeDriver.Mount: the plugin told no absolute path');
    } catch (error) {
      throw prefixed(`error while mounting volume '${name}'`, error);
    }
  }

  async detach(context: Context, { name, user }: Attachment): Promise<void> {
    await this.#short(context, 'Unmount', { Name: name, ID: user });
  }

  async status(context: Context, name: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const { Volume } = await this.#short(context, 'Get', { Name: name });
    const { Status } = fieldsOf(Volume);
    return typeof Status === 'object' && Status !== null ? fieldsOf(Status) : undefined;
  }

  async list(context: Context): Promise<readonly FoundVolume[] | { readonly warning: string }> {
    try {
      const seconds = Math.min(LIST_LIMIT, this.#limits.short);
      const { Volumes } = await this.#connection.call(context, 'VolumeDriver.List', {}, seconds);
      if (!Array.isArray(Volumes)) return [];
      return Volumes.slice(0, VOLUMES_MAX).flatMap((volume) => foundVolume(volume));
    } catch (error) {
      return { warning: `list volumes of the plugin ${this.name}: ${messageOf(error)}` };
    }
  }

  #short(context: Context, verb: string, body: unknown) {
    return this.#connection.call(context, `VolumeDriver.${verb}`, body, this.#limits.short);
  }

  #long(context: Context, verb: string, body: unknown) {
    return this.#connection.call(context, `VolumeDriver.${verb}`, body, this.#limits.long);
  }
}

/** Plugins need not know the question. */
async function scopeOf(
  context: Context,
  connection: PluginConnection,
  limits: PluginLimits,
): Promise<string> {
  try {
    const answer = await connection.call(context, 'VolumeDriver.Capabilities', {}, limits.short);
    const { Scope } = fieldsOf(answer['Capabilities']);
    return typeof Scope === 'string' && Scope.toLowerCase() === 'global' ? 'global' : 'local';
  } catch (error) {
    if (error instanceof SampanError && error.code === 'internal') return 'local';
    throw error;
  }
}

/** Its name becomes a key here and a part of paths of the API. */
function foundVolume(value: unknown): FoundVolume[] {
  const { Name, Mountpoint } = fieldsOf(value);
  if (typeof Name !== 'string' || !/^[^\s/\0-\x1f]{1,255}$/.test(Name)) return [];
  return [{ name: Name, mountpoint: isPath(Mountpoint) ? Mountpoint : '' }];
}

/** An absolute path in its shortest form, and no filesystem's root. */
function isPath(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 4096 || value.includes('\0')) return false;
  return value.startsWith('/') && posix.resolve(value) === value.replace(/(.)\/$/, '$1') && value !== '/';
}

function prefixed(prefix: string, error: unknown): SampanError {
  const code = error instanceof SampanError ? error.code : 'internal';
  return new SampanError(code, `${prefix}: ${messageOf(error)}`, { cause: error });
}
