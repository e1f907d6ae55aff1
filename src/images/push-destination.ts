import type { Context } from '../base/context.ts';
import type { ContentStore } from '../content/contract.ts';
import type { PushTarget } from '../distribution/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { type Reference, repositoryOf } from '../oci/reference.ts';
import type { LayerForms } from './layer-forms.ts';

/** A blob as a manifest names it. */
export interface PushedBlob {
  readonly digest: Digest;
  readonly size: number;
}

export interface UploadListener {
  /** Bytes that the registry has. */
  readonly onProgress: (sent: number) => void;
  /** It is tried again after so many seconds. */
  readonly onRetry: (seconds: number) => void;
}

/** The repository that is pushed to, and what is remembered of it. */
export class PushDestination {
  readonly #target: PushTarget;
  readonly #reference: Reference;
  readonly #content: ContentStore;
  readonly #forms: LayerForms;

  constructor(target: PushTarget, reference: Reference, content: ContentStore, forms: LayerForms) {
    this.#target = target;
    this.#reference = reference;
    this.#content = content;
    this.#forms = forms;
  }

  /** "host/path". */
  get repository(): string {
    return repositoryOf(this.#reference);
  }

  async has(context: Context, { digest }: PushedBlob): Promise<boolean> {
    const has = (await this.#target.stat(context, digest)) !== undefined;
    if (has) this.#forms.addPlace(digest, this.repository);
    else this.#forms.removePlace(digest, this.repository);
    return has;
  }

  /** Takes the blob from a repository of the same registry where it was seen; the repository's path, or undefined. */
  async mount(context: Context, { digest, size }: PushedBlob): Promise<string | undefined> {
    const prefix = `${this.#reference.domain}/`;
    const places = this.#forms.placesOf(digest).filter((place) => place.startsWith(prefix));
    for (const place of places.slice(0, mountAttempts(size))) {
      const path = place.slice(prefix.length);
      if (await this.#target.mount(context, digest, path)) {
        this.#forms.addPlace(digest, this.repository);
        return path;
      }
      this.#forms.removePlace(digest, place);
    }
    return undefined;
  }

  async upload(context: Context, { digest, size }: PushedBlob, listener: UploadListener): Promise<void> {
    const open = (offset: number): AsyncIterable<Uint8Array> => this.#content.read(digest, { offset });
    const { onProgress, onRetry } = listener;
    await this.#target.upload(context, { digest, size }, open, onProgress, onRetry);
    this.#forms.addPlace(digest, this.repository);
  }

  /** For what a manifest needs besides layers. */
  async bring(context: Context, { digest, size }: PushedBlob): Promise<void> {
    if ((await this.#target.stat(context, digest)) !== undefined) return;
    await this.#target.upload(context, { digest, size }, (offset) => this.#content.read(digest, { offset }));
  }

  putManifest(context: Context, tag: string, mediaType: string, bytes: Uint8Array): Promise<Digest> {
    return this.#target.putManifest(context, tag, mediaType, bytes);
  }
}

/** The larger a layer, the more questions an upload saved is worth; as dockerd weighs it. */
function mountAttempts(size: number): number {
  if (size > 10 << 20) return 4;
  return size > 100 << 10 ? 3 : 1;
}
