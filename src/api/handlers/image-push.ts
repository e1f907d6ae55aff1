import { invalid } from '../../base/errors.ts';
import type { PushedImage, PushProgress } from '../../images/contract.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { formatReference, parseReference, type Reference, repositoryOf } from '../../oci/reference.ts';
import type { Call } from '../call.ts';
import { parseRegistryAuth } from '../registry-auth.ts';
import { renderDescriptor } from '../render/descriptor.ts';
import { pushMessage } from '../render/progress.ts';
import type { ProgressWriter } from '../streams/progress-writer.ts';
import { queryPlatform } from './image-lookup.ts';

/** Pushes what the path and `tag` name, or every tag of the repository when neither has one. */
export async function pushImages(call: Call<'imagePush'>, writer: ProgressWriter): Promise<void> {
  const { engine, context, name, query, request } = call;
  const reference = askedReference(name, query.tag);
  // Told by status, unlike an image that is not there.
  const platform = queryPlatform(query.platform);
  const source = sourceOf(query.source);
  if (platform !== undefined) engine.images.get(source ?? formatReference(reference), platform);
  writer.message({ status: `The push refers to repository [${repositoryOf(reference)}]` });
  await engine.images.push(context, formatReference(reference), {
    credentials: parseRegistryAuth(request.headers.get('x-registry-auth')),
    ...{ platform, source },
    onLayer: (progress) => tell(progress, writer),
    onPushed: (pushed) => tellPushed(pushed, writer),
  });
}

/** Fails with `invalid-argument` on what is no digest. */
function sourceOf(text: string): Digest | undefined {
  if (text === '') return undefined;
  if (isDigest(text)) return text;
  throw invalid(`invalid source ${JSON.stringify(text)}: expected an image's ID or an index's digest`);
}

/** The tag in the query wins over one in the name. */
function askedReference(name: string, tag: string): Reference {
  const named = parseReference(name);
  return tag === '' ? named : parseReference(`${repositoryOf(named)}:${tag}`);
}

function tell(progress: PushProgress, writer: ProgressWriter): void {
  const message = pushMessage(progress);
  if (progress.step !== 'pushing') writer.message(message);
  else if (progress.current > 0) writer.progress(message);
}

function tellPushed({ tag, digest, size, insteadOf }: PushedImage, writer: ProgressWriter): void {
  if (insteadOf !== undefined) {
    const { index, manifest } = insteadOf;
    const [originalIndex, selectedManifest] = [renderDescriptor(index), renderDescriptor(manifest)];
    writer.message({ aux: { manifestPushedInsteadOfIndex: true, originalIndex, selectedManifest } });
  }
  const name = tag === '' ? '' : `${tag}: `;
  writer.message({ status: `${name}digest: ${digest} size: ${size}` });
  writer.message({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: size } });
}
