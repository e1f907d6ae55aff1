import type { Credentials } from '../../distribution/contract.ts';
import type { Image, PulledImage } from '../../images/contract.ts';
import type { Platform } from '../../oci/image.ts';
import { formatPlatform, parsePlatform, platformFit } from '../../oci/platform.ts';
import { familiarReference, formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import type { Call } from '../call.ts';
import { parseRegistryAuth } from '../registry-auth.ts';
import { pullMessage } from '../render/progress.ts';
import type { ProgressWriter } from '../streams/progress-writer.ts';

/** Pulls what `fromImage` and `tag` name, or every tag of the repository when neither has a tag or digest. */
export async function pullImages(call: Call<'imageCreate'>, writer: ProgressWriter): Promise<void> {
  const { query, request } = call;
  const asked = askedReference(query.fromImage, query.tag);
  const platform = query.platform === '' ? undefined : parsePlatform(query.platform);
  const credentials = parseRegistryAuth(request.headers.get('x-registry-auth'));
  let isNew = false;
  for (const reference of await referencesOf(call, asked, credentials)) {
    const pulled = await pullOne(call, writer, reference, { platform, credentials });
    if (platform !== undefined) warnOfMismatch(writer, pulled.reference, platform, pulled.image);
    writer.message({ status: `Digest: ${pulled.digest}` });
    isNew ||= pulled.isNew;
  }
  const outcome = isNew ? 'Downloaded newer image' : 'Image is up to date';
  writer.message({ status: `Status: ${outcome} for ${familiarReference(asked)}` });
}

/** A digest in the image's name wins over the tag, the tag over one in the name. */
function askedReference(image: string, tag: string): Reference {
  const named = parseReference(image);
  if (named.digest !== undefined || tag === '') return named;
  const repository = formatReference({ ...named, tag: undefined });
  return parseReference(tag.includes(':') ? `${repository}@${tag}` : `${repository}:${tag}`);
}

async function referencesOf(
  { engine, context }: Call<'imageCreate'>,
  asked: Reference,
  credentials: Credentials | undefined,
): Promise<readonly Reference[]> {
  if (asked.tag !== undefined || asked.digest !== undefined) return [asked];
  const tags = await engine.images.remoteTags(context, formatReference(asked), credentials);
  return tags.map((tag) => ({ ...asked, tag }));
}

function pullOne(
  { engine, context }: Call<'imageCreate'>,
  writer: ProgressWriter,
  reference: Reference,
  options: { readonly platform: Platform | undefined; readonly credentials: Credentials | undefined },
): Promise<PulledImage> {
  const id = reference.digest ?? reference.tag ?? '';
  return engine.images.pull(context, formatReference(reference), {
    ...options,
    onFound: () => writer.message({ status: `Pulling from ${reference.path}`, id }),
    onLayer(progress) {
      const message = pullMessage(progress);
      if (progress.step !== 'receiving') writer.message(message);
      else if (progress.current > 0) writer.progress(message);
    },
  });
}

/** An image that is no index has one platform, wanted or not: as with Docker it is pulled. */
function warnOfMismatch(
  writer: ProgressWriter,
  reference: string,
  wanted: Platform,
  { platform: actual }: Image,
): void {
  if (platformFit(wanted, actual) > 0) return;
  writer.message({
    status: `WARNING: image with reference ${reference} was found but does not match the specified platform: wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(actual)}`,
  });
}
