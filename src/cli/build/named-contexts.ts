import { statSync } from 'node:fs';
import type { Client } from '../../client/client.ts';
import { isNotFound } from '../../client/errors.ts';
import { inspectImage, loadImages, removeImage } from '../../client/images.ts';
import type { Platform } from '../../oci/image.ts';
import type { UploadedContext } from '../../wire/build-messages.ts';
import { CommandError } from '../command-error.ts';
import { cut } from '../flag-types.ts';
import { platformOf } from '../platform.ts';
import { isRemote } from './context-source.ts';
import type { BuildOptions } from './flags.ts';
import { layoutImage, OCI_LAYOUT } from './oci-layout.ts';
import { packNamedContext } from './prepare-context.ts';

const IMAGE = 'docker-image://';

/** What `--build-context` names, for one build. */
export class NamedContexts implements AsyncDisposable {
  /** By name, in the form that the daemon takes. */
  readonly places: Record<string, string> = {};
  readonly #client: Client;
  readonly #platform: Platform | undefined;
  /** Images that the daemon has only for this build. */
  readonly #loaded = new Set<string>();
  readonly #kept = new Set<string>();

  private constructor(client: Client, platform: Platform | undefined) {
    this.#client = client;
    this.#platform = platform;
  }

  /** Local folders and layouts are sent to the daemon. Throws CommandError. */
  static async send(
    client: Client,
    { 'build-context': values, platform: [platforms = ''] }: Pick<BuildOptions, 'build-context' | 'platform'>,
  ): Promise<NamedContexts> {
    const [first = ''] = platforms.split(',', 1);
    const platform = first === '' ? undefined : platformOf(first);

    const contexts = new NamedContexts(client, platform);
    for (const value of values) {
      const [name, source] = cut(value, '=');
      if (!value.includes('=') || name === '') {
        throw new CommandError(`invalid context value: ${value}, expected key=value`);
      }
      contexts.places[name] = await contexts.#place(name, source);
    }
    return contexts;
  }

  /** Images that stay whatever they were sent for. */
  keep(ids: readonly string[]): void {
    for (const id of ids) this.#kept.add(id);
  }

  /** Takes back what was only sent for the build. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#loaded) {
      if (this.#kept.has(id)) continue;
      const image = await inspectImage(this.#client, id).catch(() => undefined);
      // Whoever uses it by now keeps it.
      if ((image?.RepoTags ?? []).length === 0) await removeImage(this.#client, id).catch(() => {});
    }
  }

  async #place(name: string, source: string): Promise<string> {
    if (source.startsWith(OCI_LAYOUT)) return `${IMAGE}${await this.#load(source)}`;
    if (source.startsWith(IMAGE) || isRemote(source)) return source;
    const [scheme] = /^(?:target|input|local):|^[a-z][a-z\d+.-]*:\/\//.exec(source) ?? [];
    if (scheme !== undefined && statSync(source, { throwIfNoEntry: false }) === undefined) {
      throw new CommandError(
        `context ${JSON.stringify(name)} cannot be ${source}: nothing is known of ${scheme}`,
      );
    }
    return this.#upload(source);
  }

  async #load(source: string): Promise<string> {
    const { id, archive } = layoutImage(source, this.#platform);
    const isHere = await inspectImage(this.#client, id).then(
      () => true,
      (reason) => {
        if (isNotFound(reason)) return false;
        throw reason;
      },
    );
    if (isHere) return id;
    const { body } = await loadImages(this.#client, archive(), { quiet: true });
    for await (const _ of body);
    // What the answer says of a failure is that the image is not here now.
    await inspectImage(this.#client, id).catch(() => {
      throw new CommandError(`failed to load the image of ${source}`);
    });
    this.#loaded.add(id);
    return id;
  }

  async #upload(path: string): Promise<string> {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw new CommandError(`failed to get build context ${path}: it is neither a folder nor an address`);
    }
    try {
      const { ID } = await this.#client.json<UploadedContext>('POST', '/build/contexts', {
        headers: { 'Content-Type': 'application/x-tar' },
        body: packNamedContext(path),
      });
      return `context:${ID}`;
    } catch (reason) {
      if (!isNotFound(reason)) throw reason;
      throw new CommandError('this daemon takes no folders as named contexts');
    }
  }
}
