import { createHash, type Hash } from 'node:crypto';
import type { Context } from '../base/context.ts';
import { invalid, SampanError } from '../base/errors.ts';
import { decompress, detectCompression, peek } from '../oci/compression.ts';
import { type Digest, finishDigest } from '../oci/digest.ts';
import { readTar, type TarMember } from '../oci/tar/archive.ts';
import { BLOCK, toText } from '../oci/tar/entry.ts';
import { isZeroBlock, readHeader } from '../oci/tar/header.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { MAX_CONFIG_BYTES } from './config.ts';
import { type ReceivedLayer, receiveLayer } from './receive-layer.ts';

/** Together the documents of an archive (manifests, configurations) may have this many bytes. */
const MAX_DOCUMENT_BYTES = 64 << 20;

/** Links followed from one path: docker-save writes one. */
const MAX_LINKS = 8;

/**
 * The contents of an archive of images: layers are in the store, small documents in memory. Paths are as in the archive, without "./".
 * What a member is, its first block says: a tar, in any compression, is a layer, all else a document. Members named after their digest
 * are verified.
 */
export class Archive {
  readonly #documents = new Map<string, Uint8Array>();
  readonly #layers = new Map<string, ReceivedLayer>();
  readonly #links = new Map<string, string>();
  #documentBytes = 0;

  private constructor() {}

  /** Reads an archive in one pass; `onLayer` tells of each layer that was received, whether a manifest will name it or not. */
  static async read(
    context: Context,
    snapshots: SnapshotDriver,
    source: AsyncIterable<Uint8Array>,
    onLayer: (layer: Digest) => void,
  ): Promise<Archive> {
    const archive = new Archive();
    for await (const member of readTar(decompress(source))) {
      context.signal.throwIfAborted();
      const received = await archive.#add(context, snapshots, member);
      if (received !== undefined) onLayer(received.diffId);
    }
    return archive;
  }

  bytes(path: string): Uint8Array | undefined {
    return this.#documents.get(this.#follow(path));
  }

  /** A parsed document; undefined when there is none. Fails with `invalid-argument` when it is not JSON. */
  json(path: string): unknown {
    const bytes = this.bytes(path);
    if (bytes === undefined) return undefined;
    try {
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch (cause) {
      throw invalid(`invalid ${path}: not JSON`, { cause });
    }
  }

  layer(path: string): ReceivedLayer | undefined {
    return this.#layers.get(this.#follow(path));
  }

  async #add(
    context: Context,
    snapshots: SnapshotDriver,
    member: TarMember,
  ): Promise<ReceivedLayer | undefined> {
    const { entry } = member;
    const path = cleanPath(toText(entry.name));
    if (entry.type === 'symlink') this.#links.set(path, resolveLink(path, toText(entry.linkName)));
    if (entry.type === 'hardlink') this.#links.set(path, cleanPath(toText(entry.linkName)));
    if (entry.type !== 'file') return undefined;
    const { head, rest } = await peek(member.body(), BLOCK);
    if (!looksLikeLayer(head)) {
      if (this.#admits(entry.dataSize)) this.#documents.set(path, await collect(verified(path, rest)));
      return undefined;
    }
    const layer = await receive(context, snapshots, path, head, rest);
    this.#layers.set(path, layer);
    return layer;
  }

  /** Whether there is room for a document; what is larger is none. */
  #admits(size: number): boolean {
    if (size > MAX_CONFIG_BYTES || this.#documentBytes + size > MAX_DOCUMENT_BYTES) return false;
    this.#documentBytes += size;
    return true;
  }

  #follow(path: string): string {
    let current = cleanPath(path);
    for (let links = 0; links < MAX_LINKS; links++) {
      const target = this.#links.get(current);
      if (target === undefined) return current;
      current = target;
    }
    throw invalid(`too many links from ${path} in the archive`);
  }
}

/** A plain tar's name is its diff ID, which the store checks while it hashes; a compressed one's is hashed here. */
function receive(
  context: Context,
  snapshots: SnapshotDriver,
  path: string,
  head: Uint8Array,
  body: AsyncIterable<Uint8Array>,
): Promise<ReceivedLayer> {
  if (detectCompression(head) !== 'none') return receiveLayer(context, snapshots, verified(path, body));
  const digest = namedDigest(path);
  return receiveLayer(context, snapshots, body, digest === undefined ? {} : { diffId: digest });
}

/** The same bytes; fails with `data-loss` at their end when the path is named after another digest. */
async function* verified(path: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const expected = namedDigest(path);
  const hash: Hash | undefined = expected === undefined ? undefined : createHash('sha256');
  for await (const chunk of body) {
    hash?.update(chunk);
    yield chunk;
  }
  if (hash === undefined) return;
  const found = finishDigest(hash);
  if (found !== expected) throw new SampanError('data-loss', `${path} has the digest ${found}`);
}

/** The digest that a member of an OCI layout is named after. */
function namedDigest(path: string): Digest | undefined {
  const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path) ?? [];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

function looksLikeLayer(head: Uint8Array): boolean {
  if (detectCompression(head) !== 'none') return true;
  if (head.length < BLOCK) return false;
  const block = Buffer.from(head.buffer, head.byteOffset, BLOCK);
  if (isZeroBlock(block)) return true;
  try {
    readHeader(block);
    return true;
  } catch {
    return false;
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function resolveLink(path: string, target: string): string {
  return cleanPath(target.startsWith('/') ? target : `${path}/../${target}`);
}
