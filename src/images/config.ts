import { createHash } from 'node:crypto';
import { invalid } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import { type Digest, digestOf, isDigest } from '../oci/digest.ts';
import type { ImageConfig, Platform } from '../oci/image.ts';

/** Docker's own limit is 4 MiB for a manifest; configurations with long histories stay far below. */
export const MAX_CONFIG_BYTES = 8 << 20;

export const MAX_LAYERS = 4096;

/** Reads an image configuration's bytes. Fails with `invalid-argument` on anything that is not one. */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const value = parseJsonObject(bytes, 'image configuration');
  const rootfs = value['rootfs'];
  if (!isJsonObject(rootfs)) throw invalid('invalid image JSON, no RootFS key');
  const diffIds = rootfs['diff_ids'] ?? [];
  if (
    !Array.isArray(diffIds) ||
    diffIds.length > MAX_LAYERS ||
    !diffIds.every((id) => isDigest(String(id)))
  ) {
    throw invalid('invalid image configuration: rootfs.diff_ids must be a list of sha256 digests');
  }
  checkPlatform(value);
  checkProcess(value['config']);
  if (!isOptional(value['history'], isObjectList)) {
    throw invalid('invalid image configuration: history must be a list of objects');
  }
  return {
    ...value,
    architecture: text(value['architecture']),
    os: text(value['os']) || 'linux',
    rootfs: { type: 'layers', diff_ids: diffIds as Digest[] },
  } as ImageConfig;
}

function checkPlatform(value: JsonObject): void {
  for (const key of ['variant', 'os.version']) {
    if (!isOptional(value[key], (found) => typeof found === 'string')) {
      throw invalid(`invalid image configuration: ${key} must be a string`);
    }
  }
  if (!isOptional(value['os.features'], isTextList)) {
    throw invalid('invalid image configuration: os.features must be a list of strings');
  }
}

/** Containers are made from these keys: each has the type that it says, or the image is refused here and nowhere later. */
function checkProcess(config: unknown): void {
  if (config === undefined || config === null) return;
  if (!isJsonObject(config)) throw invalid('invalid image configuration: config must be an object');
  for (const key of ['User', 'WorkingDir', 'StopSignal']) {
    if (!isOptional(config[key], (value) => typeof value === 'string')) throw wrongKey(key, 'a string');
  }
  for (const key of ['Env', 'Cmd', 'Entrypoint', 'OnBuild', 'Shell']) {
    if (!isOptional(config[key], isTextList)) throw wrongKey(key, 'a list of strings');
  }
  for (const key of ['Labels', 'ExposedPorts', 'Volumes', 'Healthcheck']) {
    if (!isOptional(config[key], isJsonObject)) throw wrongKey(key, 'an object');
  }
  const labels = config['Labels'];
  if (isJsonObject(labels) && !Object.values(labels).every((value) => typeof value === 'string')) {
    throw wrongKey('Labels', 'an object of strings');
  }
}

function wrongKey(key: string, expected: string): Error {
  return invalid(`invalid image configuration: config.${key} must be ${expected}`);
}

/** Parses JSON that must be an object, saying what it was meant to be. */
export function parseJsonObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid(`invalid ${what}: not JSON`, { cause });
  }
  if (!isJsonObject(value)) throw invalid(`invalid ${what}: not a JSON object`);
  return value;
}

function isObjectList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isJsonObject);
}

export function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isOptional(value: unknown, accepts: (value: unknown) => boolean): boolean {
  return value === undefined || value === null || accepts(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What an image's configuration says it runs on. */
export function platformOf(config: ImageConfig): Platform {
  const { os, architecture, variant, 'os.version': version, 'os.features': features } = config;
  return {
    os,
    architecture,
    ...(variant ? { variant } : {}),
    ...(version ? { 'os.version': version } : {}),
    ...(features ? { 'os.features': features } : {}),
  };
}

/** The configuration's bytes and the image ID that they give. */
export function encodeImageConfig(config: ImageConfig): { readonly bytes: Uint8Array; readonly id: Digest } {
  const bytes = new TextEncoder().encode(JSON.stringify(config));
  return { bytes, id: digestOf(bytes) };
}

/** Chain IDs, bottom first: the first is the diff ID, each further one hashes the chain below and its own (OCI config.md#layer-chainid). */
export function chainIds(diffIds: readonly Digest[]): readonly Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(
      below === undefined
        ? diffId
        : `sha256:${createHash('sha256').update(`${below} ${diffId}`).digest('hex')}`,
    );
  }
  return chain;
}
