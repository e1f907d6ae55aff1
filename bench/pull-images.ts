import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { digestOf, hexOf } from '../src/oci/digest.ts';
import type { Descriptor, Manifest } from '../src/oci/image.ts';
import { mediaTypes } from '../src/oci/media-types.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../src/oci/tar/writer.ts';
import { makeBusyboxRoot, tarOf } from '../test/fixtures/busybox-root.ts';
import { debianRoot } from '../test/fixtures/debian-root.ts';

/** An image as files: what a registry gets of it, and a docker-save archive. */
export interface BenchImage {
  readonly name: string;
  readonly manifest: Manifest;
  /** The bytes of its blobs: `<directory>/<hex>`. */
  readonly directory: string;
  readonly archive: string;
}

const home = join(import.meta.dir, '../build/bench/pull');

const SMALL_FILES = 60_000;
const LARGE_LAYERS = 10;
const LARGE_SIZE = 50e6;

/** The images that are pulled, made once and kept: but for the Debian root's packages they need no network. */
export function makePullImages(): BenchImage[] {
  return [
    keep('debian', () => [readFileSync(debianRoot())]),
    keep('files', () => [busyboxTar(), smallFiles()]),
    keep('layers', () => [busyboxTar(), ...Array.from({ length: LARGE_LAYERS }, (_, n) => largeLayer(n))]),
  ];
}

function keep(name: string, tars: () => readonly Buffer[]): BenchImage {
  const directory = join(home, name);
  if (!existsSync(directory)) {
    const unfinished = `${directory}.${process.pid}`;
    mkdirSync(unfinished, { recursive: true });
    write(unfinished, name, tars());
    renameSync(unfinished, directory);
  }
  const manifest: Manifest = JSON.parse(readFileSync(join(directory, 'manifest'), 'utf8'));
  return { name, manifest, directory, archive: join(directory, 'archive.tar') };
}

function write(directory: string, name: string, tars: readonly Buffer[]): void {
  const blob = (bytes: Uint8Array, mediaType: string): Descriptor => {
    const digest = digestOf(bytes);
    writeFileSync(join(directory, hexOf(digest)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const diffIds = tars.map(digestOf);
  const config = blob(
    Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: { Cmd: ['true'], Env: ['PATH=/usr/bin:/bin'] },
        rootfs: { type: 'layers', diff_ids: diffIds },
        history: tars.map(() => ({ created: '2024-01-01T00:00:00Z', created_by: 'bench' })),
      }),
    ),
    mediaTypes.dockerConfig,
  );
  const layers = tars.map((tar) => blob(gzipSync(tar), mediaTypes.dockerLayerGzip));
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config, layers };
  writeFileSync(join(directory, 'manifest'), JSON.stringify(manifest));
  writeArchive(directory, name, hexOf(config.digest), tars);
}

function writeArchive(directory: string, name: string, config: string, tars: readonly Buffer[]): void {
  const names = tars.map((_, position) => `layer${position}.tar`);
  for (const [position, tar] of tars.entries()) writeFileSync(join(directory, `layer${position}.tar`), tar);
  writeFileSync(
    join(directory, 'manifest.json'),
    JSON.stringify([{ Config: config, RepoTags: [`loaded-${name}:bench`], Layers: names }]),
  );
  const packed = spawnSync('tar', ['-cf', 'archive.tar', 'manifest.json', config, ...names], {
    cwd: directory,
    encoding: 'utf8',
  });
  if (packed.status !== 0) throw new Error(`tar failed: ${packed.stderr}`);
  for (const unpacked of names) rmSync(join(directory, unpacked));
}

function busyboxTar(): Buffer {
  const root = mkdtempSync(join(tmpdir(), 'sampan-bench-'));
  try {
    makeBusyboxRoot(root);
    return tarOf(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** As a package manager's cache of sources has them: some kilobytes each, texts of words. */
function smallFiles(): Buffer {
  const parts: Uint8Array[] = [];
  for (let number = 0; number < SMALL_FILES; number++) {
    const seed = createHash('sha256').update(String(number)).digest('hex');
    const text = `export const name${number} = '${seed}';\n`.repeat(1 + (number % 24));
    const name = `usr/lib/modules/package-${number % 600}/file-${number}.js`;
    parts.push(formatTarHeader({ type: 'file', name, mode: 0o644, size: text.length, seconds: number }));
    parts.push(Buffer.from(text), tarPadding(text.length));
  }
  return Buffer.concat([...parts, tarEnd]);
}

/** Files of a megabyte, of what a Debian root is made of: each layer from another place of it. */
function largeLayer(number: number): Buffer {
  const parts: Uint8Array[] = [];
  const root = openSync(debianRoot(), 'r');
  try {
    for (let at = 0; at < LARGE_SIZE; at += 1e6) {
      const bytes = Buffer.alloc(1e6);
      readSync(root, bytes, 0, bytes.length, number * 11e6 + at);
      const name = `opt/layer-${number}/file-${at}`;
      parts.push(formatTarHeader({ type: 'file', name, mode: 0o644, size: bytes.length }));
      parts.push(bytes, tarPadding(bytes.length));
    }
  } finally {
    closeSync(root);
  }
  return Buffer.concat([...parts, tarEnd]);
}
