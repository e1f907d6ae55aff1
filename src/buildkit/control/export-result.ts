import type { Context } from '../../base/context.ts';
import { invalid, messageOf } from '../../base/errors.ts';
import type { BuildResult } from '../../build/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Descriptor } from '../../oci/image.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import type { BuildkitParts } from '../parts.ts';
import { sessionStore } from '../session/content-store.ts';
import { sessionCredentials } from '../session/credentials.ts';
import { OutputTree } from '../session/output-tree.ts';
import { sendBytes, sendTree, tarOf } from '../session/send-files.ts';
import type { ClientSession } from '../sessions.ts';
import type { BuildProgress, TellTransfer } from './build-progress.ts';
import { type Export, isArchive, isKept, isPushed, isTrue, namesOf } from './exports.ts';
import { writeLayout } from './layout-directory.ts';
import { saidFiles } from './said-files.ts';

export interface ExportParts extends Pick<BuildkitParts, 'images' | 'openImage'> {
  readonly progress: BuildProgress;
  readonly session: () => Promise<ClientSession>;
}

/** What the client is told, by BuildKit's names (exporter/containerimage/exptypes). */
type Response = Record<string, string>;

/** An export, and which of the client's it is, counted from 0. */
interface Numbered extends Export {
  readonly number: number;
}

/** Brings what was built to where the client wants it, and returns what the client is told about it. */
export async function exportResult(
  context: Context,
  parts: ExportParts,
  result: BuildResult,
  wanted: readonly Export[],
): Promise<Response> {
  const response: Response = {};
  for (const [number, one] of wanted.entries()) {
    const exporter = isKept(one) ? toStore : isArchive(one) ? toArchive : toFiles;
    Object.assign(response, await exporter(context, parts, result, { ...one, number }));
  }
  return response;
}

async function toStore(
  context: Context,
  parts: ExportParts,
  result: BuildResult,
  wanted: Numbered,
): Promise<Response> {
  const { progress } = parts;
  const names = namesOf(wanted);
  const target = await targetOf(context, parts, result);
  await progress.step('exporting to image', async (tell) => {
    if (target !== undefined) tell(`exporting manifest ${target.digest}`, 0);
    tell(`writing image ${namedImage(result)}`, 0);
    // The builder has done so.
    for (const name of names) tell(`naming to ${formatReference(parseReference(name))}`, 0);
  });
  let pushed: Descriptor | undefined;
  if (isPushed(wanted)) for (const name of names) pushed = await push(context, parts, name);
  return { ...described(result, target, pushed), ...named(wanted) };
}

/** What the name stands for in its registry. */
async function push(
  context: Context,
  { images, progress, session }: ExportParts,
  name: string,
): Promise<Descriptor | undefined> {
  return await progress.step(`pushing ${name}`, async (tell) => {
    const credentials = await sessionCredentials(context, await session(), parseReference(name).domain);
    const [pushed] = await images.push(context, name, {
      ...{ credentials, platform: undefined },
      onLayer: ({ layer, current, total }) => tell(layer, current, total),
    });
    if (pushed === undefined) return undefined;
    const target = (await images.manifests(context, name)).target;
    return {
      mediaType: target?.mediaType ?? mediaTypes.dockerManifest,
      digest: pushed.digest,
      size: pushed.size,
    };
  });
}

async function toArchive(
  context: Context,
  parts: ExportParts,
  result: BuildResult,
  wanted: Numbered,
): Promise<Response> {
  const { images, progress, session } = parts;
  const { type, attributes, number } = wanted;
  const names = namesOf(wanted);
  const source = result.index?.digest ?? namedImage(result);
  const archive = images.save(context, [source], { platform: undefined, names });
  return await progress.step(`exporting to ${type} image format`, async (tell) => {
    if (attributes['tar'] !== undefined && !isTrue(attributes['tar'])) {
      const store = sessionStore(await session(), 'export');
      const target = await writeLayout(context, store, archive, telling('sending blobs', tell));
      return { ...described(result, target), ...named(wanted) };
    }
    const destination = { exporter: number, notes: {}, onBytes: telling('sending tarball', tell) };
    await sendBytes(context, await session(), destination, archive);
    return { ...described(result, await targetOf(context, parts, result)), ...named(wanted) };
  });
}

async function toFiles(
  context: Context,
  { openImage, progress, session }: ExportParts,
  { images }: BuildResult,
  wanted: Numbered,
): Promise<Response> {
  const { type, attributes, number } = wanted;
  const isSplit =
    attributes['platform-split'] === undefined ? images.length > 1 : isTrue(attributes['platform-split']);
  if (!isSplit && images.length > 1) {
    throw invalid(`${type} exporter: files of several platforms would be in each other's place`);
  }
  await progress.step(type === 'tar' ? 'sending tarball' : 'exporting to client directory', async (tell) => {
    await using opened = new AsyncDisposableStack();
    const outputs = [];
    for (const image of images) {
      const tree = opened.use(await openImage(context, image.id));
      const directory = isSplit ? formatPlatform(image.platform).replaceAll('/', '_') : '';
      outputs.push({ directory, tree, files: await saidFiles(context, tree, image, wanted) });
    }
    const tree = new OutputTree(outputs);
    const label = type === 'tar' ? 'sending tarball' : 'copying files';
    const destination = { exporter: number, notes: {}, onBytes: telling(label, tell) };
    if (type === 'tar') await sendBytes(context, await session(), destination, tarOf(context, tree));
    else await sendTree(context, await session(), destination, tree);
  });
  return {};
}

function named(wanted: Export): Response {
  const names = namesOf(wanted);
  return names.length === 0
    ? {}
    : { 'image.name': names.map((name) => formatReference(parseReference(name))).join(',') };
}

function telling(id: string, tell: TellTransfer): (total: number) => void {
  return (total) => tell(id, total);
}

/** The index or manifest that a result got; undefined for an image that has none yet. */
async function targetOf(
  context: Context,
  { images }: ExportParts,
  { index, images: made }: BuildResult,
): Promise<Descriptor | undefined> {
  if (index !== undefined) return { mediaType: mediaTypes.ociIndex, ...index };
  const [only] = made;
  if (only?.manifest === undefined) return undefined;
  const { target, manifests } = await images.manifests(context, only.id);
  const all = [target, ...manifests.map(({ descriptor }) => descriptor)];
  return all.find((descriptor) => descriptor?.digest === only.manifest);
}

/** An image without a manifest is told by its configuration; `pushed`: as the registry has it. */
function described(
  result: BuildResult,
  target: Descriptor | undefined,
  pushed: Descriptor | undefined = target,
): Response {
  const [only, ...others] = result.images;
  const digest = pushed?.digest ?? target?.digest ?? namedImage(result);
  const descriptor = pushed ?? target;
  return {
    'containerimage.digest': digest,
    ...(only === undefined || others.length > 0 ? {} : { 'containerimage.config.digest': only.id }),
    ...(descriptor === undefined
      ? {}
      : { 'containerimage.descriptor': Buffer.from(JSON.stringify(descriptor)).toString('base64') }),
  };
}

/** For a result that nobody wants to keep, wherever it has gone; what has got a name or was here before stays. Indexes go with their images. */
export async function removeUnnamed(
  context: Context,
  { images }: Pick<ExportParts, 'images'>,
  { images: made }: BuildResult,
): Promise<void> {
  for (const { id, isNew } of made) {
    if (!isNew) continue;
    try {
      const found = images.find(id);
      if (found === undefined || found.tags.length > 0) continue;
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
