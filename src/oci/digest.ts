import { createHash, type Hash } from 'node:crypto';

/** `sha256:` and 64 lower-case hex digits (OCI image spec, descriptor.md#digests). Only sha256 is accepted. */
export type Digest = `sha256:${string}`;

const pattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return finishDigest(createHash('sha256').update(bytes));
}

/** The digest of all that `hash` (a sha256) was given. */
export function finishDigest(hash: Hash): Digest {
  return `sha256:${hash.digest('hex')}`;
}

/** The 64 hex digits. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
