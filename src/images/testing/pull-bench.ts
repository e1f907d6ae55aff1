import { background } from '../../base/context.ts';
import { openDatabase } from '../../base/database.ts';
import { MemoryContentStore } from '../../content/memory-store.ts';
import { createRegistryClient } from '../../distribution/registry-client.ts';
import { defaultPatience } from '../../distribution/retries.ts';
import { RegistryDouble } from '../../distribution/testing/registry-double.ts';
import type { Descriptor } from '../../oci/image.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import type { LayerProgress, PulledImage } from '../contract.ts';
import { openImages, type StoredImages } from '../images.ts';
import { LayerForms } from '../layer-forms.ts';
import { imagesSchema } from '../schema.ts';
import { MemorySnapshots } from './memory-snapshots.ts';

const context = background();
const patience = { ...defaultPatience, attempts: 2, firstDelay: 1 };

/** Images in memory beside a registry that behaves as a test wants. */
export class PullBench implements AsyncDisposable {
  readonly registry = new RegistryDouble();
  readonly content = new MemoryContentStore();
  readonly snapshots = new MemorySnapshots(this.content);
  readonly database = openDatabase(':memory:', [imagesSchema]);
  readonly forms = new LayerForms(this.database);
  maxConcurrentDownloads = 3;

  /** The images as a daemon finds them at its start. */
  async open(): Promise<StoredImages> {
    const settings = { registryMirrors: [], insecureRegistries: [] };
    const images = await openImages({
      database: this.database,
      content: this.content,
      snapshots: this.snapshots,
      events: { publish: () => {} },
      users: { containersOf: () => [] },
      registries: createRegistryClient(() => settings, patience),
      maxConcurrentDownloads: () => this.maxConcurrentDownloads,
    });
    await images.collect(context);
    return images;
  }

  pull(
    images: StoredImages,
    name: string,
    options: { readonly signal?: AbortSignal; readonly onLayer?: (progress: LayerProgress) => void } = {},
  ): Promise<PulledImage> {
    const { signal = context.signal, ...rest } = options;
    return images.pull({ ...context, signal }, `${this.registry.host}/${name}`, {
      platform: { os: 'linux', architecture: 'amd64' },
      credentials: undefined,
      ...rest,
    });
  }

  /** "bytes=5-" for each time that a layer was asked for; "all" without a range. */
  rangesOf({ digest }: Descriptor): string[] {
    return this.registry.requests
      .filter(({ target }) => target.endsWith(digest))
      .map(({ range }) => range ?? 'all');
  }

  /** Serves only the first bytes of a layer, and then leaves the client waiting; resolves when they are on their way. */
  stallAfter({ digest }: Descriptor, bytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.registry.intercept = async (request, url) => {
      const answer = this.registry.serve(request, url);
      if (!url.pathname.endsWith(digest)) return answer;
      const head = (await answer.bytes()).subarray(0, bytes);
      const start = (controller: ReadableStreamDefaultController): void => {
        controller.enqueue(head);
        resolve();
      };
      return new Response(new ReadableStream({ start }), answer);
    };
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.database.close();
    await this.registry[Symbol.asyncDispose]();
  }
}

/** The tar of one file of that content. */
export function tarWith(body: Uint8Array): Buffer {
  const header = formatTarHeader({ type: 'file', name: 'file', mode: 0o644, size: body.length });
  return Buffer.concat([header, body, tarPadding(body.length), tarEnd]);
}
