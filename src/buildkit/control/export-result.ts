import type { Context } from '../../base/context.ts';
import { invalid, messageOf, SampanError } from '../../base/errors.ts';
import type { BuildResult } from '../../build/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import { familiarReference, formatReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import type { BuildkitParts } from '../parts.ts';
import { sessionCredentials } from '../session/credentials.ts';
import { sendBytes, sendTree, tarOf } from '../session/send-files.ts';
import type { ClientSession } from '../sessions.ts';
import type { BuildProgress, TellTransfer } from './build-progress.ts';

export interface Export {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface ExportParts extends Pick<BuildkitParts, 'images' | 'openImage'> {
  readonly progress: BuildProgress;
  readonly session: () => Promise<ClientSession>;
}

/** Brings what was built to where the client wants it, and returns what the client is told about it. */
export async function exportResult(
  context: Context,
  parts: ExportParts,
  result: BuildResult,
  wanted: readonly Export[],
): Promise<Record<string, string>> {
  const response: Record<string, string> = {};
  for (const [number, one] of wanted.entries()) {
    Object.assign(response, await exporterOf(one.type)(context, parts, result, { ...one, number }));
  }
  if (!wanted.some(({ type }) => isKept(type))) await removeUnnamed(context, parts, result);
  return response;
}

/** Fails with `invalid-argument` before anything is built. */
export function checkExports(wanted: readonly Export[]): void {
  for (const { type, attributes } of wanted) {
    exporterOf(type);
    namesOf(attributes);
  }
}

type Exporter = (
  context: Context,
  parts: ExportParts,
  result: BuildResult,
  wanted: Export & { readonly number: number },
) => Promise<Record<string, string>>;

function exporterOf(type: string): Exporter {
  if (isKept(type)) return toStore;
  if (type === 'docker' || type === 'oci') return toArchive;
  if (type === 'local' || type === 'tar') return toFiles;
  throw new SampanError('unimplemented', `exporter ${JSON.stringify(type)} could not be found`);
}

function isKept(type: string): boolean {
  return type === 'moby' || type === 'image';
}

const toStore: Exporter = async (context, parts, result, { type, attributes }) => {
  const { images, progress } = parts;
  const names = namesOf(attributes);
  const image = namedImage(result);
  await progress.step('exporting to image', async (tell) => {
    tell(`writing image ${image}`, 0);
    for (const name of names) {
      await images.tag(context, image, name);
      tell(`naming to ${formatReference(parseReference(name))}`, 0);
    }
  });
  // For the type "moby" clients ask us in another way to push.
  if (type === 'image' && attributes['push'] === 'true')
    for (const name of names) await push(context, parts, name);
  return {
    ...{ 'containerimage.digest': image, 'containerimage.config.digest': image },
    ...(names.length === 0 ? {} : { 'image.name': attributes['name'] ?? '' }),
  };
};

async function push(
  context: Context,
  { images, progress, session }: ExportParts,
  name: string,
): Promise<void> {
  await progress.step(`pushing ${name}`, async (tell) => {
    const credentials = await sessionCredentials(context, await session(), parseReference(name).domain);
    await images.push(context, name, {
      ...{ credentials, platform: undefined },
      onLayer: ({ layer, current, total }) => tell(layer, current, total),
    });
  });
}

const toArchive: Exporter = async (context, parts, result, { type, attributes, number }) => {
  const { images, progress, session } = parts;
  if (attributes['tar'] === 'false')
    throw invalid(`${type} exporter: output as a directory is not supported`);
  const image = namedImage(result);
  const names = namesOf(attributes);
  for (const name of names) await images.tag(context, image, name);
  await progress.step(`exporting to ${type} image format`, async (tell) => {
    const archive = images.save(context, names.length > 0 ? names : [image], { platform: undefined });
    const destination = { exporter: number, notes: {}, onBytes: telling('sending tarball', tell) };
    await sendBytes(context, await session(), destination, archive);
  });
  return { 'containerimage.config.digest': image };
};

const toFiles: Exporter = async (context, { openImage, progress, session }, result, { type, number }) => {
  if (result.images.length > 1) {
    throw new SampanError('unimplemented', `${type} exporter: files of several platforms are not supported`);
  }
  await progress.step(type === 'tar' ? 'sending tarball' : 'exporting to client directory', async (tell) => {
    await using tree = await openImage(context, namedImage(result));
    const label = type === 'tar' ? 'sending tarball' : 'copying files';
    const destination = { exporter: number, notes: {}, onBytes: telling(label, tell) };
    if (type === 'tar') await sendBytes(context, await session(), destination, tarOf(context, tree));
    else await sendTree(context, await session(), destination, tree);
  });
  return {};
};

function telling(id: string, tell: TellTransfer): (total: number) => void {
  return (total) => tell(id, total);
}

/** An image that nobody wants to keep; one that has a name stays. */
async function removeUnnamed(
  context: Context,
  { images }: ExportParts,
  { images: made }: BuildResult,
): Promise<void> {
  for (const { id } of made) {
    try {
      if (images.get(id).tags.length > 0) continue;
      await images.remove(context, id, { force: false, prune: false });
    } catch (error) {
      // Somebody else uses it.
      context.log.debug('a built image stays', { image: id, error: messageOf(error) });
    }
  }
}

function namedImage({ images }: BuildResult): Digest {
  const [first] = images;
  if (first === undefined) throw invalid('the build has no result to export');
  return first.id;
}

/** Several names are written with commas. Fails with `invalid-argument`. */
function namesOf(attributes: Export['attributes']): readonly string[] {
  const names = (attributes['name'] ?? '').split(',').filter((name) => name !== '');
  return names.map((name) => familiarReference(withDefaultTag(parseReference(name))));
}
