import { notFound } from '../../base/errors.ts';
import type { PushTarget, RemoteArtifact } from '../../distribution/contract.ts';
import type { LayerExchange, LayerForm } from '../../images/contract.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import type { RemoteCacheParts } from '../cache/remote/build-caches.ts';

/** A registry for builders of paper, whose layers' forms are paper too: their digest's text. */
export class PaperRegistry {
  readonly blobs = new Map<Digest, Buffer>();
  readonly manifests = new Map<string, Buffer>();
  /** Diff IDs of layers that came from it, in order. */
  readonly brought: Digest[] = [];
  /** Called with each reference that is read. */
  onRead: (name: string) => Promise<void> = async () => {};

  readonly registries: RemoteCacheParts['registries'] = {
    artifact: async (_context, reference) => this.#artifact(reference),
    target: async (_context, reference) => this.#target(reference),
  };

  readonly exchange: LayerExchange = {
    bring: async (context, _lease, { descriptor, diffId, open }) => {
      const parts = open(context, { offset: 0, onRetry: () => {} });
      const bytes = Buffer.concat(await Array.fromAsync(parts));
      if (formBytes(diffId).compare(bytes) !== 0) throw notFound(`${descriptor.digest} is no paper`);
      this.brought.push(diffId);
    },
    form: async (_context, _lease, diffId) => formOf(diffId),
    async *read({ diffId }) {
      yield formBytes(diffId);
    },
  };

  async #artifact(reference: Reference): Promise<RemoteArtifact> {
    const name = formatReference(reference);
    await this.onRead(name);
    const bytes = this.manifests.get(name);
    if (bytes === undefined) throw notFound(`manifest for ${name} not found`);
    const blobs = this.blobs;
    return {
      root: { bytes, digest: digestOf(bytes), mediaType: mediaTypes.ociManifest },
      document: () => Promise.reject(notFound('paper has no further documents')),
      size: async (_context, digest) => blobs.get(digest)?.length,
      async *blob(_context, { digest }) {
        const blob = blobs.get(digest);
        if (blob === undefined) throw notFound(`blob ${digest} unknown`);
        yield blob;
      },
    };
  }

  #target(reference: Reference): PushTarget {
    return {
      stat: async (_context, digest) => this.blobs.get(digest)?.length,
      mount: async () => false,
      upload: async (_context, { digest }, open) => {
        this.blobs.set(digest, Buffer.concat(await Array.fromAsync(open(0))));
      },
      putManifest: async (_context, _name, _mediaType, bytes) => {
        this.manifests.set(formatReference(reference), Buffer.from(bytes));
        return digestOf(bytes);
      },
    };
  }
}

function formBytes(diffId: Digest): Buffer {
  return Buffer.from(`form of ${diffId}`);
}

function formOf(diffId: Digest): LayerForm {
  const bytes = formBytes(diffId);
  return { digest: digestOf(bytes), size: bytes.length, diffId, mediaType: mediaTypes.dockerLayerGzip };
}
