import { errnoOf } from '../base/errno.ts';
import { type ErrorCode, messageOf, SampanError } from '../base/errors.ts';
import type { Digest } from '../oci/digest.ts';
import type { LayerWorkOptions, MadeLayer } from './layer-work.ts';

/** To the thread, about one of its layers: first the options, then the tar's bytes in slots of shared memory, then the end. */
export type LayerRequest = { readonly layer: number } & (
  | { readonly type: 'open'; readonly options: LayerWorkOptions }
  | { readonly type: 'write'; readonly slot: SharedArrayBuffer; readonly length: number }
  | { readonly type: 'finish'; readonly expected: Digest | undefined }
  | { readonly type: 'close' }
);

/** From it: a slot may be filled again; how the layer ended; that its files are touched no more. */
export type LayerReply = { readonly layer: number } & (
  | { readonly type: 'free'; readonly slot: SharedArrayBuffer }
  | { readonly type: 'finished'; readonly made: MadeLayer }
  | { readonly type: 'failed'; readonly failure: Failure }
  | { readonly type: 'closed' }
);

/** An error's way between threads, which keeps neither its class nor its own fields. */
export interface Failure {
  readonly message: string;
  readonly code: ErrorCode | undefined;
  readonly hint: string | undefined;
  readonly errno: string | undefined;
}

export function packFailure(error: unknown): Failure {
  const own = error instanceof SampanError ? error : undefined;
  return { message: messageOf(error), code: own?.code, hint: own?.hint, errno: errnoOf(error) };
}

export function unpackFailure({ message, code, hint, errno }: Failure): Error {
  if (code !== undefined) return new SampanError(code, message, hint === undefined ? {} : { hint });
  return Object.assign(new Error(message), errno === undefined ? {} : { code: errno });
}
