import type { PulledImage } from '../../images/contract.ts';
import { formatPlatform, parsePlatform, platformFit } from '../../oci/platform.ts';
import { familiarReference, formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import type { Call } from '../call.ts';
import { parseRegistryAuth, type RegistryAuth } from '../registry-auth.ts';
import { layerMessage } from '../render/progress.ts';
import type { ProgressWriter } from '../streams/progress-writer.ts';

/** Pulls what `fromImage` and `tag` name, or every tag of the repository when neither has a tag or digest. */
export async function pullImages(call: Call<'imageCreate'>, writer: ProgressWriter): Promise<void> {
  const { engine, context, query, request } = call;
  const asked = askedReference(query.fromImage, query.tag);
  const credentials = parseRegistryAuth(request.headers.get('x-registry-auth'));
  const isBare = asked.tag === undefined && asked.digest === undefined;
  const references = isBare
    ? (await engine.images.remoteTags(context, formatReference(asked), credentials)).map((tag) => ({
        ...asked,
        tag,
      }))
    : [asked];
  let isNew = false;
  for (const reference of references) {
    const pulled = await pullOne(call, writer, reference, credentials);
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

async function pullOne(
  { engine, context, query }: Call<'imageCreate'>,
  writer: ProgressWriter,
  reference: Reference,
  credentials: RegistryAuth | undefined,
): Promise<PulledImage> {
  const platform = query.platform === '' ? undefined : parsePlatform(query.platform);
  const pulled = await engine.images.pull(context, formatReference(reference), {
    platform,
    credentials,
    onFound() {
      writer.message({
        status: `Pulling from ${reference.path}`,
        id: reference.digest ?? reference.tag ?? '',
      });
    },
    onLayer(progress) {
      const message = layerMessage(progress);
      if (progress.step === 'receiving') writer.progress(message);
      else writer.message(message);
    },
  });
  const actual = pulled.image.platform;
  if (platform !== undefined && platformFit(platform, actual) === 0) {
    const mismatch = `wanted ${formatPlatform(platform)}, actual: ${formatPlatform(actual)}`;
    writer.message({
      status: `WARNING: image with reference ${pulled.reference} was found but does not match the specified platform: ${mismatch}`,
    });
  }
  writer.message({ status: `Digest: ${pulled.digest}` });
  return pulled;
}
