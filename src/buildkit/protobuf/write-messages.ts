import { bytes, message, number, text } from './message.ts';

/** How blobs are written, of containerd.services.content.v1. */

export const writeAction = { stat: 0, write: 1, commit: 2 } as const;

/** `ref`: the name of the write. */
export const WriteBlobRequest = message({
  action: number(1),
  ref: text(2),
  total: number(3),
  expected: text(4),
  offset: number(5),
  data: bytes(6),
});
export const WriteBlobResponse = message({
  action: number(1),
  offset: number(4),
  total: number(5),
  digest: text(6),
});
