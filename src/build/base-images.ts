import type { Context } from '../base/context.ts';
import { messageOf } from '../base/errors.ts';
import type { Image, Images, LayerLease, PullOptions } from '../images/contract.ts';
import type { Platform } from '../oci/image.ts';
import { formatPlatform, platformFit } from '../oci/platform.ts';
import { familiarReference, formatReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { BuildListener, BuildRequest } from './contract.ts';
import type { BaseImage, ImageResolver } from './frontend/compile.ts';

export interface BaseImageParts {
  readonly images: Pick<Images, 'find' | 'pull'>;
  /** Of the build: what it begins with stays. */
  readonly lease: LayerLease;
  readonly request: Pick<BuildRequest, 'pull' | 'credentials'>;
  readonly listener: BuildListener;
}

/** The images that a build begins with: those that are here, others from their registries, each looked for once. */
export class BaseImages implements ImageResolver {
  readonly #parts: BaseImageParts;
  readonly #found = new Map<string, Promise<BaseImage>>();

  constructor(parts: BaseImageParts) {
    this.#parts = parts;
  }

  resolve(context: Context, text: string, platform: Platform): Promise<BaseImage> {
    const key = `${text} ${formatPlatform(platform)}`;
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const finding = this.#resolve(context, text, platform);
    this.#found.set(key, finding);
    return finding;
  }

  /** When nothing is being looked for any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#found.values());
  }

  async #resolve(context: Context, text: string, platform: Platform): Promise<BaseImage> {
    const { images, lease, request, listener } = this.#parts;
    // One that is here for another platform says whether the text means an ID.
    const here = images.find(text, platform) ?? images.find(text);
    const suits = here !== undefined && platformFit(platform, here.platform) > 0;
    const isById = here !== undefined && !here.tags.concat(here.digests).some((name) => names(name, text));
    const isUsed = suits && (!request.pull || isById);
    if (!isById) listener.onPull?.({ type: 'sought', reference: familiar(text) });
    if (isUsed && !isById) listener.onPull?.({ type: 'here', reference: familiar(text) });
    const image = isUsed ? here : await this.#pull(context, text, platform);
    for (const layer of image.config.rootfs.diff_ids) lease.hold(layer);
    const reference = isById ? image.id : formatReference(withDefaultTag(parseReference(text)));
    return { reference, id: image.id, config: image.config };
  }

  async #pull(context: Context, text: string, platform: Platform): Promise<Image> {
    const { images, request, listener } = this.#parts;
    const parsed = withDefaultTag(parseReference(text));
    const reference = familiarReference(parsed);
    const options: PullOptions = {
      platform,
      credentials: await request.credentials(parsed.domain),
      onFound: () => listener.onPull?.({ type: 'found', reference }),
      onLayer: (progress) => listener.onPull?.({ type: 'layer', reference, progress }),
    };
    try {
      const { image, digest, isNew } = await images.pull(context, formatReference(parsed), options);
      listener.onPull?.({ type: 'done', reference, digest, isNew });
      return image;
    } catch (error) {
      listener.onPull?.({ type: 'failed', reference, error: messageOf(error) });
      throw error;
    }
  }
}

function familiar(text: string): string {
  return familiarReference(withDefaultTag(parseReference(text)));
}

/** Whether a familiar name is what the text says. */
function names(name: string, text: string): boolean {
  try {
    return familiar(text) === name;
  } catch {
    return false;
  }
}
