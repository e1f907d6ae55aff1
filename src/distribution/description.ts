import type { Context } from '../base/context.ts';
import { isJsonObject } from '../base/json.ts';
import type { Descriptor, Platform } from '../oci/image.ts';
import type { Reference } from '../oci/reference.ts';
import type { RemoteDescription } from './contract.ts';
import { download } from './download.ts';
import { lossOf } from './failures.ts';
import { parseJson } from './json.ts';
import { parseDocument, parsePlatform } from './manifests.ts';
import type { Repository } from './repository.ts';
import { documentOf, nameOf } from './resolution.ts';

const MAX_CONFIG_BYTES = 8 << 20;

/** What a reference names in a repository, and the platforms that it is for. */
export async function describe(
  context: Context,
  repository: Repository,
  reference: Reference,
): Promise<RemoteDescription> {
  const answer = await repository.manifest(context, nameOf(reference));
  const parsed = parseDocument(answer.bytes, answer.contentType);
  const { digest, bytes, mediaType } = documentOf(answer, parsed);
  const descriptor: Descriptor = { mediaType, digest, size: bytes.length };
  if (parsed.kind === 'index') {
    return { descriptor, bytes, platforms: parsed.index.manifests.flatMap(platformOf) };
  }
  const config = await platformOfConfig(context, repository, parsed.manifest.config);
  return { descriptor, bytes, platforms: config === undefined ? [] : [config] };
}

/** Attestations go by the platform "unknown/unknown". */
function platformOf({ platform }: Descriptor): Platform[] {
  const isUnknown =
    platform === undefined || (platform.os === 'unknown' && platform.architecture === 'unknown');
  return isUnknown ? [] : [platform];
}

/** Undefined for what is no image: a chart, a signature. */
async function platformOfConfig(
  context: Context,
  repository: Repository,
  blob: Descriptor,
): Promise<Platform | undefined> {
  if (blob.size > MAX_CONFIG_BYTES) {
    throw lossOf(`the configuration ${blob.digest} has more than ${MAX_CONFIG_BYTES} bytes`);
  }
  const parts: Uint8Array[] = [];
  const sources = [repository.blobSource(blob.digest)];
  for await (const part of download(context, { blob, offset: 0, sources, onRetry: undefined })) {
    parts.push(part);
  }
  const value = parseJson(Buffer.concat(parts));
  const platform = isJsonObject(value) ? parsePlatform(value) : undefined;
  return platform === undefined || platform.os === '' || platform.architecture === '' ? undefined : platform;
}
