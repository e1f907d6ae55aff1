import { createHash, type Hash } from 'node:crypto';
import { ChunkChannel } from '../base/chunk-channel.ts';
import type { Context } from '../base/context.ts';
import { invalid, SampanError } from '../base/errors.ts';
import { decompress, detectCompression } from '../oci/compression.ts';
import { type Digest, finishDigest } from '../oci/digest.ts';
import { BLOCK, type TarEntry, toText } from '../oci/tar/entry.ts';
import { isZeroBlock, readHeader } from '../oci/tar/header.ts';
import { TarReader } from '../oci/tar/reader.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { MAX_CONFIG_BYTES } from './config.ts';
import { type ReceivedLayer, receiveLayer } from './receive-layer.ts';

/** Together the documents of an archive (manifests, configurations) may have this many bytes. */
const MAX_DOCUMENT_BYTES = 64 << 20;

/** Links followed from one path: docker-save writes one. */
const MAX_LINKS = 8;

/** What an archive held: layers are in the store, small documents in memory. Paths are as in the archive, without "./". */
export interface Archive {
  bytes(path: string): Uint8Array | undefined;
  /** A parsed JSON document; undefined when there is none. Fails with `invalid-argument` when it is not JSON. */
  json(path: string): unknown;
  layer(path: string): ReceivedLayer | undefined;
}

/**
 * Reads an archive of images in one pass. What a member is, its first block says: a tar (in any compression) is a layer and goes to the
 * store as it streams by, all else is a document. Members named after their digest are verified.
 */
export async function openArchive(
  context: Context,
  snapshots: SnapshotDriver,
  source: AsyncIterable<Uint8Array>,
  onLayer: (layer: Digest) => void,
): Promise<Archive> {
  const contents = new Contents();
  const reader = new TarReader();
  let sink: MemberSink | undefined;
  try {
    for await (const chunk of decompress(source)) {
      context.signal.throwIfAborted();
      for (const event of reader.feed(chunk)) {
        if (event instanceof Uint8Array) {
          await sink?.write(event);
        } else {
          await sink?.finish();
          sink = contents.begin(
            event,
            (body, expected) => receiveLayer(context, snapshots, body, expected),
            onLayer,
          );
        }
      }
    }
    reader.finish();
    await sink?.finish();
  } catch (error) {
    await sink?.cancel(error);
    throw error;
  }
  return contents;
}

type Receive = (
  body: AsyncIterable<Uint8Array>,
  expected: { readonly diffId?: Digest },
) => Promise<ReceivedLayer>;

/** Puts a member's layer into the store and remembers it. */
type Store = (body: AsyncIterable<Uint8Array>, expected: { readonly diffId?: Digest }) => Promise<void>;

class Contents implements Archive {
  readonly documents = new Map<string, Uint8Array>();
  readonly layers = new Map<string, ReceivedLayer>();
  readonly #links = new Map<string, string>();
  #documentBytes = 0;

  /** Where the data of a member go; undefined when it has none. */
  begin(entry: TarEntry, receive: Receive, onLayer: (layer: Digest) => void): MemberSink | undefined {
    const path = cleanPath(toText(entry.name));
    if (entry.type === 'symlink') this.#links.set(path, resolveLink(path, toText(entry.linkName)));
    if (entry.type === 'hardlink') this.#links.set(path, cleanPath(toText(entry.linkName)));
    if (entry.type !== 'file') return undefined;
    return new MemberSink(path, entry.dataSize, this, (body, expected) =>
      receive(body, expected).then((layer) => {
        this.layers.set(path, layer);
        onLayer(layer.diffId);
      }),
    );
  }

  /** Reserves room for a document; false when it is too large to be one. */
  admitDocument(size: number): boolean {
    if (size > MAX_CONFIG_BYTES || this.#documentBytes + size > MAX_DOCUMENT_BYTES) return false;
    this.#documentBytes += size;
    return true;
  }

  bytes(path: string): Uint8Array | undefined {
    return this.documents.get(this.#follow(path));
  }

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
    return this.layers.get(this.#follow(path));
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

/** Decides what a member is once its first block is there, and passes its data on. */
class MemberSink {
  readonly #path: string;
  readonly #size: number;
  readonly #contents: Contents;
  readonly #receive: Store;
  #head: Buffer = Buffer.alloc(0);
  #document: Uint8Array[] | undefined;
  #layer: { readonly channel: ChunkChannel; readonly done: Promise<void> } | undefined;
  #decided = false;
  /** Where the name tells a digest that nobody else verifies. */
  #hash: Hash | undefined;

  constructor(path: string, size: number, contents: Contents, receive: Store) {
    this.#path = path;
    this.#size = size;
    this.#contents = contents;
    this.#receive = receive;
  }

  async write(data: Uint8Array): Promise<void> {
    if (this.#decided) return this.#pass(data);
    this.#head = Buffer.concat([this.#head, data]);
    if (this.#head.length < Math.min(BLOCK, this.#size)) return;
    this.#decide();
    await this.#pass(this.#head);
  }

  async finish(): Promise<void> {
    if (this.#document !== undefined) this.#contents.documents.set(this.#path, Buffer.concat(this.#document));
    if (this.#layer !== undefined) {
      this.#layer.channel.end();
      await this.#layer.done;
    }
    this.#verify();
  }

  async cancel(reason: unknown): Promise<void> {
    this.#layer?.channel.end(reason);
    await this.#layer?.done.catch(() => {});
  }

  #decide(): void {
    this.#decided = true;
    const digest = namedDigest(this.#path);
    const plainLayer = looksLikeLayer(this.#head) && detectCompression(this.#head) === 'none';
    if (digest !== undefined && !plainLayer) this.#hash = createHash('sha256');
    if (!looksLikeLayer(this.#head)) {
      if (this.#contents.admitDocument(this.#size)) this.#document = [];
      return;
    }
    const channel = new ChunkChannel();
    const done = this.#receive(channel, plainLayer && digest !== undefined ? { diffId: digest } : {});
    // Awaited when the member ends; a failure before then must not count as unhandled.
    done.catch(() => {});
    this.#layer = { channel, done };
  }

  async #pass(data: Uint8Array): Promise<void> {
    this.#hash?.update(data);
    if (this.#document !== undefined) this.#document.push(Uint8Array.from(data));
    if (this.#layer !== undefined) await this.#layer.channel.push(data);
  }

  #verify(): void {
    if (this.#hash === undefined) return;
    const found = finishDigest(this.#hash);
    if (found !== namedDigest(this.#path))
      throw new SampanError('data-loss', `${this.#path} has the digest ${found}`);
  }
}

/** The digest that a member of an OCI layout is named after. */
function namedDigest(path: string): Digest | undefined {
  const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path) ?? [];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

function looksLikeLayer(head: Buffer): boolean {
  if (detectCompression(head) !== 'none') return true;
  if (head.length < BLOCK) return false;
  const block = head.subarray(0, BLOCK);
  if (isZeroBlock(block)) return true;
  try {
    readHeader(block);
    return true;
  } catch {
    return false;
  }
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
