import { createHash } from 'node:crypto';
import { constants, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { open, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../../base/errno.ts';
import { isJsonObject } from '../../base/json.ts';
import { type Digest, finishDigest, hexOf, isDigest } from '../../oci/digest.ts';
import type { Descriptor } from '../../oci/image.ts';
import { CommandError } from '../command-error.ts';
import { fileFailure } from '../file-failure.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
const MAX_INDEX = 4 << 20;
const CHUNK = 1 << 20;

/** A folder in the OCI layout, whose index says by what tag a cache in it is known. */
export class CacheFolder {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** What the tag stands for. Throws CommandError where there is none. */
  digestOf(tag: string): Digest {
    const entries = this.#entries();
    const named = entries.find(({ annotations }) => annotations?.[REF_NAME] === tag);
    if (named !== undefined) return named.digest;
    throw new CommandError(`${this.#path} has no cache with the tag ${tag}`);
  }

  /** The blobs that are there, with their sizes in bytes. */
  blobs(): { Digest: string; Size: number }[] {
    return namesIn(this.#blobs).flatMap((name) => {
      const digest = `sha256:${name}`;
      const stat = isDigest(digest) ? statSync(join(this.#blobs, name)) : undefined;
      return stat?.isFile() ? [{ Digest: digest, Size: stat.size }] : [];
    });
  }

  /** A blob's bytes from an offset on. */
  async *read(digest: Digest, offset: number): AsyncGenerator<Uint8Array, void, void> {
    const path = this.#pathOf(digest);
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((reason) => {
      throw fileFailure('open', path, reason);
    });
    for (let at = offset; ; ) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /** Writes a blob, which is visible when all of it is there. Throws CommandError on other bytes than its digest says. */
  async write(digest: Digest, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const temporary = `${this.#pathOf(digest)}.${process.pid}.part`;
    try {
      mkdirSync(this.#blobs, { recursive: true });
      const found = await writeHashed(temporary, bytes);
      if (found !== digest) throw new CommandError(`unexpected digest: got ${found}, expected ${digest}`);
      await rename(temporary, this.#pathOf(digest));
    } catch (reason) {
      await unlink(temporary).catch(() => {});
      throw fileFailure('write', this.#pathOf(digest), reason);
    }
  }

  /** Gives the tag to a blob, taking it from the one that had it. */
  async tag(tag: string, { digest, size, mediaType }: Descriptor): Promise<void> {
    const others = this.#entries().filter(({ annotations }) => annotations?.[REF_NAME] !== tag);
    const annotations = { [REF_NAME]: tag };
    const manifests = [...others, { mediaType, digest, size, annotations }];
    const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
    try {
      await writeWhole(join(this.#path, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
      await writeWhole(join(this.#path, 'index.json'), JSON.stringify(index));
    } catch (reason) {
      throw fileFailure('write', this.#path, reason);
    }
  }

  get #blobs(): string {
    return join(this.#path, 'blobs', 'sha256');
  }

  #pathOf(digest: Digest): string {
    return join(this.#blobs, hexOf(digest));
  }

  #entries(): Descriptor[] {
    const text = readIfThere(join(this.#path, 'index.json'));
    if (text === undefined) return [];
    const value = parsed(text);
    const manifests: unknown = isJsonObject(value) ? value['manifests'] : undefined;
    if (!Array.isArray(manifests)) throw new CommandError(`${this.#path}/index.json is no index`);
    return manifests.filter(
      (entry): entry is Descriptor => isJsonObject(entry) && isDigest(`${entry['digest']}`),
    );
  }
}

async function writeHashed(path: string, bytes: AsyncIterable<Uint8Array>): Promise<Digest> {
  const hash = createHash('sha256');
  await using file = await open(path, 'wx', 0o644);
  for await (const chunk of bytes) {
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  return finishDigest(hash);
}

async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (reason) {
    if (isErrno(reason, 'ENOENT', 'ENOTDIR')) return [];
    throw fileFailure('open', path, reason);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    if (statSync(path).size > MAX_INDEX) throw new CommandError(`${path} is too large`);
    return readFileSync(path, 'utf8');
  } catch (reason) {
    if (isErrno(reason, 'ENOENT', 'ENOTDIR')) return undefined;
    throw reason;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
