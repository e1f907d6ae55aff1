import { createHash } from 'node:crypto';
import { type Digest, finishDigest } from '../../oci/digest.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';

/** Characters that are hashed at once. */
const CHUNK = 64 << 10;

/** The digest of a list of entries: of all that they say but times, and the user's and group's names. */
export class EntryHash {
  readonly #hash = createHash('sha256');
  #pending = '';

  add(name: string, header: TarHeader, content: Digest | undefined): void {
    const { type, mode = 0, uid = 0, gid = 0, linkName = '', major = 0, minor = 0, xattrs } = header;
    // Neither names nor targets hold a NUL, so no two lists are written the same.
    const permissions = type === 'symlink' ? 0 : mode;
    this.#pending += `${type}\0${name}\0${permissions} ${uid} ${gid} ${major} ${minor}\0${linkName}\0${content ?? ''}\0`;
    if (xattrs !== undefined) this.#pending += textOf(xattrs);
    this.#pending += '\n\0';
    if (this.#pending.length > CHUNK) this.#flush();
  }

  finish(): Digest {
    this.#flush();
    return finishDigest(this.#hash);
  }

  #flush(): void {
    this.#hash.update(this.#pending, 'latin1');
    this.#pending = '';
  }
}

function textOf(xattrs: ReadonlyMap<string, Uint8Array>): string {
  const sorted = [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, value]) => `${name}\0${Buffer.from(value).toString('hex')}\0`).join('');
}
