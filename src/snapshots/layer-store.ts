import type { Context } from '../base/context.ts';
import type { Digest } from '../oci/digest.ts';
import type { LayerReceiver } from './contract.ts';

/**
 * Where a driver keeps layers: what the drivers differ in. Everything else of a snapshot is an overlay's, see `StackedDriver`.
 *
 * A layer is *known* once its builder has finished, and *ready* while it can be named in an overlay.
 */
export interface LayerStore {
  readonly name: string;
  /** Mount options of overlays over these layers. */
  readonly overlayOptions: readonly string[];
  /** Host directory below which a ready layer is the directory `nameOf(layer)`; `EMPTY_LAYER` is there too. */
  readonly directory: string;
  /** A short name, so that many fit into one page of mount options. */
  nameOf(diffId: Digest): string;
  has(diffId: Digest): boolean;
  list(): Iterable<Digest>;
  /** Bytes on disk of a known layer. */
  usage(diffId: Digest): Promise<number>;
  builder(): Promise<LayerBuilder>;
  /** A receiver better than `builder` beside a writer of content, where there is one; `limit` in bytes of the tar. */
  receive?(context: Context, expected: Digest | undefined, limit: number): Promise<LayerReceiver>;
  /** Makes known layers ready; undefined when they are, without any waiting. */
  ready(context: Context, layers: readonly Digest[]): Promise<void> | undefined;
  remove(context: Context, diffId: Digest): Promise<void>;
  /** Lets go of what only ready layers hold, but for `needed`. */
  release(context: Context, needed: ReadonlySet<Digest>): Promise<void>;
}

/** Makes one layer from the bytes of its tar. */
export interface LayerBuilder {
  /** Fails with `invalid-argument`. Does not keep `chunk`. */
  write(chunk: Uint8Array): void;
  /** Makes the layer durable and known; its tar is in the content store by now. */
  finish(context: Context, diffId: Digest): Promise<void>;
  /** Forgets everything; fine at any time. */
  cancel(): Promise<void>;
}

/** The name of an empty directory beside the layers: an overlay needs something to lie over. */
export const EMPTY_LAYER = 'empty';

/** 80 bits of the diff ID: 128 of them, with colons, fill less than three quarters of a page. */
export function shortName(diffId: Digest): string {
  return diffId.slice('sha256:'.length, 'sha256:'.length + 20);
}
