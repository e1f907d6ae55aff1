import type { Context } from '../base/context.ts';
import { invalid } from '../base/errors.ts';
import { decompress, detectCompression, peek } from '../oci/compression.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import { readTar, type TarMember } from '../oci/tar/archive.ts';
import { BLOCK, toText } from '../oci/tar/entry.ts';
import { isZeroBlock, readHeader } from '../oci/tar/header.ts';
import { type ArchivedLayer, type LayerIntake, verified } from './archive-layers.ts';
import { MAX_CONFIG_BYTES } from './config.ts';

/** Together the documents of an archive (manifests, configurations) may have this many bytes. */
const MAX_DOCUMENT_BYTES = 64 << 20;

/** Bytes of documents that are looked at in all: an archive whose parts all name one large document would be long work. */
const MAX_READ_BYTES = 256 << 20;

/** Links followed from one path: docker-save writes one. */
const MAX_LINKS = 8;

/** Bytes of a layer between two reports of its progress, as in dockerd. */
const REPORT_EVERY = 512 << 10;

/** Progress of one layer as the archive has it, in bytes. */
export type ProgressListener = (layer: Digest, current: number, total: number) => void;

/**
 * The contents of an archive of images: layers are in the store, small documents in memory. Paths are as in the archive, without "./".
 * What a member is, its first block says: a tar, in any compression, is a layer, all else a document. Members named after their digest
 * are verified. Of two members with one name the last counts.
 */
export class Archive {
  readonly #documents = new Map<string, Uint8Array>();
  readonly #layers = new Map<string, ArchivedLayer>();
  readonly #links = new Map<string, string>();
  #documentBytes = 0;
  #readBytes = 0;

  private constructor() {}

  /** Reads an archive in one pass, whatever the order of its members; layers go into the store by way of `intake`. */
  static async read(
    context: Context,
    intake: LayerIntake,
    source: AsyncIterable<Uint8Array>,
    onProgress: ProgressListener,
  ): Promise<Archive> {
    const archive = new Archive();
    for await (const member of readTar(decompress(source))) {
      context.signal.throwIfAborted();
      await archive.#add(context, intake, member, onProgress);
    }
    return archive;
  }

  bytes(path: string): Uint8Array | undefined {
    const bytes = this.#documents.get(this.#follow(path));
    this.#readBytes += bytes?.length ?? 0;
    if (this.#readBytes > MAX_READ_BYTES)
      throw invalid('the documents of the archive name one another too often');
    return bytes;
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

  layer(path: string): ArchivedLayer | undefined {
    return this.#layers.get(this.#follow(path));
  }

  /** The directories right below the root that have a document of that name. */
  directoriesWith(name: string): string[] {
    return [...this.#documents.keys()]
      .map((path) => path.split('/'))
      .flatMap(([directory, file, ...rest]) =>
        directory !== undefined && file === name && rest.length === 0 ? [directory] : [],
      );
  }

  async #add(
    context: Context,
    intake: LayerIntake,
    member: TarMember,
    onProgress: ProgressListener,
  ): Promise<void> {
    const { entry } = member;
    const path = cleanPath(toText(entry.name));
    if (entry.type === 'symlink') this.#links.set(path, resolveLink(path, toText(entry.linkName)));
    if (entry.type === 'hardlink') this.#links.set(path, cleanPath(toText(entry.linkName)));
    if (entry.type !== 'file') return;
    const digest = namedDigest(path);
    const known = digest && (await intake.known(digest, entry.dataSize));
    if (known !== undefined) {
      onProgress(progressName(path), entry.dataSize, entry.dataSize);
      this.#layers.set(path, known);
      return;
    }
    const { head, rest } = await peek(member.body(), BLOCK);
    const compression = detectCompression(head);
    if (compression === 'none' && !isTar(head)) {
      if (this.#admits(entry.dataSize)) this.#documents.set(path, await collect(verified(digest, rest)));
      else if (digest !== undefined) await intake.keep(context, rest, digest);
      return;
    }
    const bytes = counted(rest, entry.dataSize, (current, total) =>
      onProgress(progressName(path), current, total),
    );
    this.#layers.set(path, await intake.receive(context, bytes, { digest, compression }));
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

/** The digest that a member of an OCI layout is named after. */
function namedDigest(path: string): Digest | undefined {
  const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path) ?? [];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

/** What a layer is called while nobody knows its digest: the one that its path has, in whatever place. */
function progressName(path: string): Digest {
  const [hex] = /[0-9a-f]{64}/.exec(path) ?? [];
  return hex === undefined ? digestOf(path) : `sha256:${hex}`;
}

function isTar(head: Uint8Array): boolean {
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

async function* counted(
  body: AsyncIterable<Uint8Array>,
  total: number,
  report: (current: number, total: number) => void,
): AsyncGenerator<Uint8Array, void, void> {
  let current = 0;
  let reported = 0;
  for await (const chunk of body) {
    current += chunk.length;
    yield chunk;
    if (current - reported < REPORT_EVERY && current < total) continue;
    reported = current;
    report(current, total);
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
