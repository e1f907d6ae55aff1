import type { Context } from '../base/context.ts';
import { invalid, SampanError } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import type { ImageConfig, Platform } from '../oci/image.ts';
import { isIndexType } from '../oci/media-types.ts';
import { hostPlatform, platformFit } from '../oci/platform.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { Archive } from './archive.ts';
import { isTextList, parseImageConfig } from './config.ts';

/** An image as an archive holds it; its layers are in the store already. */
export interface ArchivedImage {
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
  /** References as written: to be parsed. */
  readonly references: readonly string[];
  /** Of each layer's tar, bottom first, bytes. */
  readonly layerSizes: readonly number[];
}

/**
 * Reads a docker-save archive (manifest.json, of any Docker version) or an OCI layout (index.json), receiving each layer as it streams
 * by; `onLayer` tells of each, named by a manifest or not. Fails with `invalid-argument`.
 */
export async function readImages(
  context: Context,
  snapshots: SnapshotDriver,
  source: AsyncIterable<Uint8Array>,
  options: { readonly platform: Platform | undefined; readonly onLayer: (layer: Digest) => void },
): Promise<readonly ArchivedImage[]> {
  const archive = await Archive.read(context, snapshots, source, options.onLayer);
  const list = archive.json('manifest.json');
  if (list !== undefined) return readDockerManifest(archive, list);
  const index = archive.json('index.json');
  if (index !== undefined) return readLayout(archive, index, options.platform ?? hostPlatform());
  throw invalid('open manifest.json: no such file or directory', {
    hint: 'Expected an archive made by "docker save", or an OCI image layout.',
  });
}

function readDockerManifest(archive: Archive, list: unknown): ArchivedImage[] {
  if (!Array.isArray(list)) throw invalid('invalid manifest.json: not a list');
  return list.map((item: unknown) => {
    if (!isJsonObject(item) || typeof item['Config'] !== 'string' || !isTextList(item['Layers'] ?? [])) {
      throw invalid('invalid manifest.json: an entry lacks Config or Layers');
    }
    const references = item['RepoTags'] ?? [];
    if (!isTextList(references)) throw invalid('invalid manifest.json: RepoTags must be a list of strings');
    return assemble(archive, item['Config'], (item['Layers'] ?? []) as string[], references);
  });
}

function assemble(
  archive: Archive,
  configPath: string,
  layerPaths: readonly string[],
  references: readonly string[],
): ArchivedImage {
  const configBytes = archive.bytes(configPath);
  if (configBytes === undefined) throw invalid(`open ${configPath}: no such file or directory`);
  const config = parseImageConfig(configBytes);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== layerPaths.length) {
    throw invalid(
      `invalid manifest, layers length mismatch: expected ${diffIds.length}, got ${layerPaths.length}`,
    );
  }
  const layerSizes = layerPaths.map((path, position) => {
    const layer = archive.layer(path);
    if (layer === undefined) throw invalid(`open ${path}: no such file or directory`);
    const expected = diffIds[position];
    if (layer.diffId !== expected) {
      throw new SampanError(
        'data-loss',
        `invalid diffID for layer ${position}: expected ${expected}, got ${layer.diffId}`,
      );
    }
    return layer.size;
  });
  return { config, configBytes, references, layerSizes };
}

/** Depth of nested indexes that a layout may have. */
const MAX_NESTING = 4;
const MAX_MANIFESTS = 1024;

function readLayout(archive: Archive, index: unknown, platform: Platform): ArchivedImage[] {
  return entriesOf(index).flatMap((entry) => {
    const manifest = chooseManifest(archive, entry, platform, MAX_NESTING);
    if (manifest === undefined) return [];
    const config = manifest['config'];
    const layers = manifest['layers'];
    if (!isJsonObject(config) || !Array.isArray(layers))
      throw invalid('invalid manifest: config or layers missing');
    return [assemble(archive, blobPath(config), layers.map(blobPath), namesOf(entry))];
  });
}

function entriesOf(index: unknown): Record<string, unknown>[] {
  const manifests = isJsonObject(index) ? index['manifests'] : undefined;
  if (!Array.isArray(manifests) || manifests.length > MAX_MANIFESTS || !manifests.every(isJsonObject)) {
    throw invalid('invalid index: manifests must be a list of descriptors');
  }
  return manifests;
}

/** The manifest that an entry names, through nested indexes the one that fits the platform best; undefined when none does. */
function chooseManifest(
  archive: Archive,
  entry: Record<string, unknown>,
  platform: Platform,
  depth: number,
): Record<string, unknown> | undefined {
  if (depth === 0) throw invalid('invalid index: nested too deeply');
  const path = blobPath(entry);
  const document = archive.json(path);
  if (document === undefined) return undefined;
  if (!isJsonObject(document)) throw invalid(`invalid manifest ${path}: not an object`);
  if (!isIndexType(text(entry['mediaType'])) && !('manifests' in document)) return document;
  const fitting = entriesOf(document)
    .map((candidate) => ({ candidate, fit: fitOf(candidate, platform) }))
    .filter(({ fit }) => fit > 0)
    .sort((a, b) => b.fit - a.fit);
  for (const { candidate } of fitting) {
    const chosen = chooseManifest(archive, candidate, platform, depth - 1);
    if (chosen !== undefined) return chosen;
  }
  return undefined;
}

function fitOf(entry: Record<string, unknown>, platform: Platform): number {
  const offered = entry['platform'];
  if (!isJsonObject(offered)) return 1;
  return platformFit(platform, {
    os: text(offered['os']),
    architecture: text(offered['architecture']),
    ...(typeof offered['variant'] === 'string' ? { variant: offered['variant'] } : {}),
  });
}

function blobPath(descriptor: unknown): string {
  const digest = isJsonObject(descriptor) ? text(descriptor['digest']) : '';
  if (!isDigest(digest))
    throw invalid(`invalid descriptor: ${JSON.stringify(digest)} is not a sha256 digest`);
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

/** A full name from containerd's annotation; OCI's own holds a name or just a tag, which alone names nothing. */
function namesOf(entry: Record<string, unknown>): string[] {
  const annotations = isJsonObject(entry['annotations']) ? entry['annotations'] : {};
  const full = text(annotations['io.containerd.image.name']);
  const name = full || text(annotations['org.opencontainers.image.ref.name']);
  return full !== '' || /[:/]/.test(name) ? [name] : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
