import type { TarHeader } from './writer.ts';

/** A header, or bytes of the file whose header came last; a file's bytes are as many as its size. Hard links' targets are names as well. */
export type TreePart = TarHeader | Uint8Array;
