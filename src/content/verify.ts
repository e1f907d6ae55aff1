import { conflict, notFound, SampanError } from '../base/errors.ts';
import type { Digest } from '../oci/digest.ts';

/** What a writer's owner believes the bytes to be. */
export interface Expected {
  readonly digest?: Digest;
  readonly size?: number;
}

/** Fails with `data-loss` unless the bytes are what was expected. */
export function verify(digest: Digest, size: number, expected: Expected): void {
  if (expected.size !== undefined && expected.size !== size) {
    throw new SampanError('data-loss', `unexpected size: got ${size} bytes, expected ${expected.size}`);
  }
  if (expected.digest !== undefined && expected.digest !== digest) {
    throw new SampanError('data-loss', `unexpected digest: got ${digest}, expected ${expected.digest}`);
  }
}

export function blobMissing(digest: Digest): SampanError {
  return notFound(`content ${digest}: not found`);
}

export function blobExists(digest: Digest): SampanError {
  return conflict(`content ${digest}: exists already`);
}

export function blobTooLarge(digest: Digest, size: number, limit: number): SampanError {
  return new SampanError('exhausted', `content ${digest} has ${size} bytes, more than the allowed ${limit}`);
}

export function writerEnded(): SampanError {
  return new SampanError('internal', 'the content writer has been committed or cancelled already');
}
