import { int64, string, struct, type TypeOf } from './schema.ts';

/** The header that tells what is at a path of a container: a PathStat as JSON in base64 (RFC 4648, section 4). */
export const PATH_STAT_HEADER = 'X-Docker-Container-Path-Stat';

/** `mode` is Go's FileMode; `mtime` RFC 3339. */
export const PathStat = struct('PathStat', {
  name: string,
  size: int64,
  mode: int64,
  mtime: string,
  linkTarget: string,
});
export type PathStat = TypeOf<typeof PathStat>;

/** An item of `GET /containers/{id}/changes`: Kind is 0 for modified, 1 for added, 2 for deleted. */
export const FilesystemChange = struct('Change', { Path: string, Kind: int64 });
export type FilesystemChange = TypeOf<typeof FilesystemChange>;
