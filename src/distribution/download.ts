import { createHash } from 'node:crypto';
import type { Context } from '../base/context.ts';
import { isCode } from '../base/errors.ts';
import { finishDigest } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';
import { discard, expectStatus, type HttpAnswer } from './bodies.ts';
import { lossOf, Transient } from './failures.ts';
import { type Patience, Retries } from './retries.ts';

/** A place that a blob may be had from. */
export interface BlobSource {
  /** For the log. */
  readonly name: string;
  /** Asks for the blob from byte `offset` on. */
  open(context: Context, offset: number): Promise<HttpAnswer>;
  /** Whether the next source may be asked after this failure. */
  isReplaceable(error: unknown): boolean;
  /** A place that the manifest mentions: what goes wrong there is not what the user hears. */
  readonly isHint: boolean;
  readonly patience: Patience;
  /** Called when what came was not the blob. */
  distrust?(): void;
}

export interface DownloadOptions {
  readonly blob: Pick<Descriptor, 'digest' | 'size'>;
  readonly offset: number;
  /** At least one, in the order to ask. */
  readonly sources: readonly BlobSource[];
  readonly onRetry: ((seconds: number) => void) | undefined;
}

/** Bytes that a connection must bring so that its breaking is not counted with the earlier ones. */
const REAL_PROGRESS = 1 << 20;

/** A blob's bytes from an offset; fails with `data-loss` instead of ending when they are not what the descriptor says. */
export async function* download(
  context: Context,
  options: DownloadOptions,
): AsyncGenerator<Uint8Array, void> {
  const { blob, sources } = options;
  const hash = options.offset === 0 ? createHash('sha256') : undefined;
  let offset = options.offset;
  let failure: unknown;
  for (const source of sources) {
    try {
      for await (const part of persist(context, source, { ...options, offset })) {
        offset += part.length;
        hash?.update(part);
        yield part;
      }
      const actual = hash === undefined ? blob.digest : finishDigest(hash);
      if (actual === blob.digest) return;
      throw lossOf(`the registry sent ${actual} for ${blob.digest}`);
    } catch (error) {
      context.signal.throwIfAborted();
      if (isCode(error, 'data-loss')) source.distrust?.();
      if (failure === undefined || !source.isHint) failure = error;
      if (!source.isReplaceable(error) || (hash !== undefined && offset === blob.size)) break;
      context.log.debug('a blob was not to be had', { from: source.name, error: String(error) });
    }
  }
  throw failure;
}

/** The bytes from one source, over as many connections as it takes. */
async function* persist(
  context: Context,
  source: BlobSource,
  { blob, onRetry, offset: start }: DownloadOptions,
): AsyncGenerator<Uint8Array, void> {
  const { digest, size } = blob;
  const retries = new Retries(context, source.patience, onRetry);
  let offset = start;
  // An empty blob is asked for too: the registry may not have it.
  for (let asked = size > 0; !asked || offset < size; asked = true) {
    const begin = offset;
    try {
      for await (const part of connect(context, source, blob, offset)) {
        offset += part.length;
        if (offset > size) throw lossOf(`${digest} is longer than the ${size} bytes that it should have`);
        yield part;
      }
      if (offset < size) throw new Transient(lossOf(`${digest} ended after ${offset} of ${size} bytes`));
    } catch (error) {
      if (offset - begin >= REAL_PROGRESS) retries.reset();
      await retries.wait(error);
    }
  }
}

/** What one connection brings. */
async function* connect(
  context: Context,
  source: BlobSource,
  { digest, size }: DownloadOptions['blob'],
  offset: number,
): AsyncGenerator<Uint8Array, void> {
  const given = await source.open(context, offset);
  const answer = await expectStatus(given, ...(offset === 0 ? [200] : [200, 206]));
  const { status, headers, body } = answer;
  let skip = status === 200 ? offset : 0;
  try {
    const length = headers.get('content-length');
    const expected = size - offset + skip;
    // Refused before any of it is read.
    if (length !== null && Number(length) > expected) {
      throw lossOf(`${digest} is announced with ${length} bytes instead of ${expected}`);
    }
    if (status === 206 && !headers.get('content-range')?.startsWith(`bytes ${offset}-`)) {
      throw lossOf(`the registry sent another part of ${digest} than was asked for`);
    }
    for await (const part of body) {
      const wanted = part.subarray(Math.min(skip, part.length));
      skip -= part.length - wanted.length;
      if (wanted.length > 0) yield wanted;
    }
  } finally {
    await discard(answer);
  }
}
