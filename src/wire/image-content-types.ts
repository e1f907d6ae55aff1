import { int64, list, string, struct, type TypeOf } from './schema.ts';

/** Where an image is mounted on the daemon's host. */
export const ImageMount = struct('ImageMount', { Id: string, Path: string });
export type ImageMount = TypeOf<typeof ImageMount>;

const ChangeSum = struct('ChangeSum', { Count: int64, Bytes: int64 });

/**
 * What a layer adds, changes and removes, in objects and bytes of regular files. Size: its tar; DiskSize: all that is kept for it;
 * Wasted: bytes of lower layers that nobody sees any more.
 */
export const LayerReport = struct('LayerReport', {
  DiffId: string,
  Digests: list(string),
  CreatedBy: string,
  Size: int64,
  DiskSize: int64,
  Files: int64,
  Added: ChangeSum,
  Changed: ChangeSum,
  Removed: ChangeSum,
  Wasted: int64,
});
export type LayerReport = TypeOf<typeof LayerReport>;

/** Kind: "added", "changed" or "removed". Size: bytes of a regular file. */
export const LayerChange = struct('LayerChange', { Kind: string, Path: string, Size: int64 });
export type LayerChange = TypeOf<typeof LayerChange>;
