import { Timestamp } from './control-messages.ts';
import { bytes, message, nested, number, text } from './message.ts';

/** What is in use of containerd.services.content.v1. */

export const BlobRequest = message({ digest: text(1) });

export const BlobResponse = message({
  info: nested(
    1,
    message({
      digest: text(1),
      size: number(2),
      created: nested(3, Timestamp),
      updated: nested(4, Timestamp),
    }),
  ),
});

/** `size` 0: to the end. */
export const ReadBlobRequest = message({ digest: text(1), offset: number(2), size: number(3) });
export const ReadBlobResponse = message({ offset: number(1), data: bytes(2) });
