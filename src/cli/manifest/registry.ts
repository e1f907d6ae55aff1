import { background, type Context } from '../../base/context.ts';
import { isCode, messageOf } from '../../base/errors.ts';
import { isJsonObject } from '../../base/json.ts';
import type {
  Credentials,
  PushTarget,
  RegistryClient,
  RemoteDescription,
} from '../../distribution/contract.ts';
import type { Descriptor } from '../../oci/image.ts';
import { isIndexType } from '../../oci/media-types.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../../oci/reference.ts';
import { CommandError } from '../command-error.ts';
import { findLogin } from '../registry-auth.ts';
import type { Session } from '../session.ts';
import { descriptorOf, type ImageManifest, orderPlatform } from './image-manifest.ts';

/** Somebody waits for the answer, and can ask again. */
const ATTEMPTS = 2;

/** What a registry says of a name: one image, or the entries of a list. */
export type RemoteManifest =
  | { readonly kind: 'image'; readonly image: ImageManifest }
  | { readonly kind: 'list'; readonly entries: readonly Descriptor[] };

/** The registry of manifest commands. They ask it themselves, without a daemon. */
export class ManifestRegistry {
  readonly #session: Session;
  readonly #insecure: boolean;
  readonly #context: Context = background();
  readonly #credentials = new Map<string, Promise<Credentials | undefined>>();

  /** `insecure`: HTTP and unverified certificates will do. */
  constructor(session: Session, insecure: boolean) {
    this.#session = session;
    this.#insecure = insecure;
  }

  async find(reference: Reference): Promise<RemoteManifest> {
    const found = await this.#describe(reference);
    return isIndexType(found.descriptor.mediaType)
      ? { kind: 'list', entries: entriesOf(found.bytes, reference) }
      : { kind: 'image', image: imageOf(reference, found) };
  }

  /** The image of a name that must not be a list's. */
  async image(reference: Reference): Promise<ImageManifest> {
    const found = await this.find(reference);
    if (found.kind === 'image') return found.image;
    throw new CommandError(`${formatReference(reference)} is a manifest list`);
  }

  async target(reference: Reference): Promise<{ readonly context: Context; readonly target: PushTarget }> {
    const client = await this.#client(reference);
    const target = await client.target(this.#context, reference, await this.#login(reference.domain));
    return { context: this.#context, target };
  }

  async #describe(reference: Reference): Promise<RemoteDescription> {
    const client = await this.#client(reference);
    try {
      return await client.describe(this.#context, reference, await this.#login(reference.domain));
    } catch (reason) {
      if (!isCode(reason, 'not-found')) throw reason;
      throw new CommandError(`no such manifest: ${formatReference(reference)}`);
    }
  }

  /** Loaded only now: most command lines never talk to a registry. */
  async #client({ domain }: Reference): Promise<RegistryClient> {
    const { createRegistryClient } = await import('../../distribution/registry-client.ts');
    const insecureRegistries = this.#insecure ? [domain] : [];
    return createRegistryClient(() => ({
      registryMirrors: [],
      insecureRegistries,
      maxDownloadAttempts: ATTEMPTS,
    }));
  }

  #login(domain: string): Promise<Credentials | undefined> {
    let known = this.#credentials.get(domain);
    if (known === undefined) {
      known = findLogin(this.#session, domain).then((login) => login && { ...login, registryToken: '' });
      this.#credentials.set(domain, known);
    }
    return known;
  }
}

function imageOf(reference: Reference, { descriptor, platforms, bytes }: RemoteDescription): ImageManifest {
  const [platform = { architecture: '', os: '' }] = platforms;
  const { mediaType, digest, size } = descriptor;
  return {
    reference,
    descriptor: { mediaType, digest, size, platform: orderPlatform(platform) },
    text: Buffer.from(bytes).toString(),
  };
}

function entriesOf(bytes: Uint8Array, reference: Reference): Descriptor[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    const manifests = isJsonObject(value) ? value['manifests'] : undefined;
    return Array.isArray(manifests) ? manifests.map(descriptorOf) : [];
  } catch (reason) {
    throw new CommandError(
      `the manifest list ${formatReference(reference)} is invalid: ${messageOf(reason)}`,
    );
  }
}

/** A name as manifest commands take it: tagged "latest" unless it says otherwise. Throws with the message after `doing`. */
export function manifestReference(text: string, doing = ''): Reference {
  try {
    return withDefaultTag(parseReference(text));
  } catch (reason) {
    throw new CommandError(doing + messageOf(reason));
  }
}
