/** How much of an archive is believed. Every bound exists because an archive is hostile until read. */
export interface TarLimits {
  /** Bytes of one pax extended header. */
  readonly paxSize: number;
  /** Bytes of a name or a link target. */
  readonly nameLength: number;
  /** Members in the archive, metadata headers counted too. */
  readonly entries: number;
  /** Data runs of all sparse files together. */
  readonly extents: number;
  /** Metadata headers (pax, GNU long name) in front of one member. */
  readonly prefixes: number;
  /** Logical bytes of one file: ext4's own limit, above which nothing could be unpacked anyway. */
  readonly fileSize: number;
}

export const defaultTarLimits: TarLimits = {
  paxSize: 1 << 20,
  nameLength: 4096,
  entries: 1_000_000,
  extents: 1 << 20,
  prefixes: 16,
  fileSize: 2 ** 44,
};
