import type { Context } from '../../base/context.ts';
import { withoutCredentials } from '../../base/without-credentials.ts';
import type { Image, Images } from '../../images/contract.ts';
import { hexOf } from '../../oci/digest.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { familiarRepository, isImageId, parseReference } from '../../oci/reference.ts';
import type { MadeImage } from '../build-run.ts';
import type { RemoteSource } from '../contract.ts';
import type { GitOperation, ImageOperation, Vertex } from '../definition/vertex.ts';
import { imageUrl } from './package-url.ts';

/** Something that an image was made of, as SLSA names it. */
export interface Material {
  readonly uri: string;
  /** By algorithm, hexadecimal. */
  readonly digest: Readonly<Record<string, string>>;
}

/** Base images, downloads and repositories that went into an image, sorted by their addresses; credentials are taken out of those. */
export async function materialsOf(
  context: Context,
  images: Pick<Images, 'find'>,
  { compiled, solution }: MadeImage,
  source: RemoteSource | undefined,
): Promise<readonly Material[]> {
  const found = source === undefined ? [] : [remoteMaterial(source)];
  for (const vertex of compiled.vertices) {
    const { operation } = vertex;
    if (operation.kind === 'image') found.push(imageMaterial(images, operation));
    if (operation.kind === 'http') found.push(await fileMaterial(context, operation.url, vertex, solution));
    if (operation.kind === 'git') found.push(await repositoryMaterial(operation, vertex, solution));
  }
  const unique = new Map(found.map((material) => [material.uri, material]));
  return [...unique.values()].sort((one, other) => (one.uri < other.uri ? -1 : 1));
}

export function remoteMaterial({ url, checksum }: RemoteSource): Material {
  return { uri: withoutCredentials(url), digest: { [checksum.algorithm]: checksum.hex } };
}

/** By the digest that its registry knows it by, else that of its manifest here, else its ID. */
function imageMaterial(
  images: Pick<Images, 'find'>,
  { reference, image, platform }: ImageOperation,
): Material {
  const known = images.find(image);
  if (isImageId(reference)) return { uri: `docker-image:${image}`, digest: { sha256: hexOf(image) } };
  const parsed = parseReference(reference);
  const digest = parsed.digest ?? remoteDigest(known, familiarRepository(parsed)) ?? known?.manifest ?? image;
  return { uri: imageUrl(parsed, formatPlatform(platform)), digest: { sha256: hexOf(digest) } };
}

function remoteDigest(image: Image | undefined, repository: string) {
  const name = image?.digests.find((each) => each.startsWith(`${repository}@`));
  return name === undefined ? undefined : parseReference(name).digest;
}

async function fileMaterial(
  context: Context,
  url: string,
  vertex: Vertex,
  solution: MadeImage['solution'],
): Promise<Material> {
  const { result } = await solution(vertex);
  const digest: Record<string, string> = {};
  if (result.kind === 'files') {
    for await (const { content } of result.tree.list(context, '/')) {
      if (content !== undefined) digest['sha256'] = hexOf(content);
    }
  }
  return { uri: withoutCredentials(url), digest };
}

/** Repositories name commits in either. */
export function commitAlgorithm(commit: string): 'sha1' | 'sha256' {
  return commit.length === 64 ? 'sha256' : 'sha1';
}

async function repositoryMaterial(
  { url, ref }: GitOperation,
  vertex: Vertex,
  solution: MadeImage['solution'],
): Promise<Material> {
  const { result } = await solution(vertex);
  const commit = result.kind === 'files' ? result.commit : undefined;
  const uri = withoutCredentials(url) + (ref === '' ? '' : `#${ref}`);
  return { uri, digest: commit === undefined ? {} : { [commitAlgorithm(commit)]: commit } };
}
