import { crc32c } from './crc32c.ts';
import {
  DEVICE_SLOT_SIZE,
  featureCompat,
  featureIncompat,
  MAGIC,
  SUPER_OFFSET,
  SUPER_SIZE,
} from './format.ts';

export interface Superblock {
  readonly blockBits: number;
  /** Inode number of the root: below 65,536. */
  readonly root: number;
  readonly inodes: number;
  /** Blocks of the image itself. */
  readonly blocks: number;
  readonly metaBlock: number;
  /** Blocks of the tar. */
  readonly deviceBlocks: number;
  /** 64 hex digits that name the tar, or empty. */
  readonly deviceTag: string;
}

/** First block behind the superblock and the device table. */
export function firstFreeBlock(blockBits: number): number {
  return Math.ceil((SUPER_OFFSET + SUPER_SIZE + DEVICE_SLOT_SIZE) / 2 ** blockBits);
}

/** The bytes of the image up to its first free block: superblock, then the table of one device, checksum over both. */
export function encodeSuperblock(superblock: Superblock): Buffer {
  const { blockBits, deviceTag } = superblock;
  const image = Buffer.alloc(firstFreeBlock(blockBits) * 2 ** blockBits);
  const bytes = image.subarray(SUPER_OFFSET);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(featureCompat.superblockChecksum | featureCompat.mtime, 8);
  bytes.writeUInt8(blockBits, 12);
  bytes.writeUInt16LE(superblock.root, 14);
  bytes.writeBigUInt64LE(BigInt(superblock.inodes), 16);
  bytes.writeUInt32LE(superblock.blocks, 36);
  bytes.writeUInt32LE(superblock.metaBlock, 40);
  // The volume's UUID says which tar it belongs to.
  bytes.write(deviceTag.slice(0, 32), 48, 'hex');
  bytes.writeUInt32LE(featureIncompat.chunkedFile | featureIncompat.deviceTable, 80);
  bytes.writeUInt16LE(1, 86);
  bytes.writeUInt16LE((SUPER_OFFSET + SUPER_SIZE) / DEVICE_SLOT_SIZE, 88);
  bytes.write(deviceTag, SUPER_SIZE, 'latin1');
  bytes.writeUInt32LE(superblock.deviceBlocks, SUPER_SIZE + 64);
  // Covers the superblock to the end of its block, its own field as zero; the device table ends in the same block.
  bytes.writeUInt32LE(crc32c(bytes), 4);
  return image;
}
