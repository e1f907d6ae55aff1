import { invalid, messageOf } from '../../base/errors.ts';
import type { LoadedImage } from '../../images/contract.ts';
import { parsePlatform } from '../../oci/platform.ts';
import type { Call, HandlersOf } from '../call.ts';
import { ConnectionClosed } from '../http/connection.ts';
import { transferProgress } from '../render/progress.ts';
import { ProgressWriter } from '../streams/progress-writer.ts';
import { openUrl } from '../streams/remote-source.ts';
import { sendStream } from '../streams/send-stream.ts';
import { onePlatform } from './image-lookup.ts';
import { pullImages } from './image-pull.ts';
import { pushImages } from './image-push.ts';

export const imageTransferHandlers: HandlersOf<
  'imageCreate' | 'imageLoad' | 'imagePush' | 'imageSave' | 'imageSaveAll'
> = {
  async imageCreate(call) {
    const { fromImage, fromSrc } = call.query;
    if (fromImage === '' && fromSrc === '') throw invalid('neither fromImage nor fromSrc was given');
    const writer = new ProgressWriter(call.response);
    const work = fromImage === '' ? importImage : pullImages;
    await inBand(call, writer, () => work(call, writer));
    await writer.finish();
  },

  async imagePush(call) {
    const writer = new ProgressWriter(call.response);
    await inBand(call, writer, () => pushImages(call, writer));
    await writer.finish();
  },

  imageSave: (call) => saveImages(call, [call.name]),
  imageSaveAll: (call) => saveImages(call, call.query.names),

  async imageLoad(call) {
    const writer = new ProgressWriter(call.response);
    try {
      await loadImages(call, writer);
    } catch (error) {
      if (error instanceof ConnectionClosed) throw error;
      // A load's failure is always told in the stream.
      writer.error(messageOf(error));
      call.response.keepAlive = false;
    }
    await writer.finish();
  },
};

/** Before the first message a failure is the answer's status, after it a message. */
async function inBand(
  { response }: Pick<Call, 'response'>,
  writer: ProgressWriter,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    response.keepAlive = false;
    if (!response.started || error instanceof ConnectionClosed) throw error;
    writer.error(messageOf(error));
  }
}

async function importImage(call: Call<'imageCreate'>, writer: ProgressWriter): Promise<void> {
  const { engine, context, query, request } = call;
  const tar = query.fromSrc === '-' ? request.body : await openUrl(query.fromSrc, context, writer);
  const image = await engine.images.import(context, tar, {
    reference: query.tag === '' ? query.repo : `${query.repo}:${query.tag}`,
    message: query.message,
    changes: query.changes,
    platform: query.platform === '' ? undefined : parsePlatform(query.platform),
    source: query.fromSrc,
  });
  writer.message({ status: image.id });
}

async function loadImages(call: Call<'imageLoad'>, writer: ProgressWriter): Promise<void> {
  const { engine, context, query, request } = call;
  const loaded = await engine.images.load(context, request.body, {
    platform: onePlatform(query.platform),
    onMessage: (text) => writer.message({ stream: `${text}\n` }),
    ...(query.quiet
      ? {}
      : {
          onProgress(layer, current, total) {
            writer.progress(transferProgress('Loading layer', layer.slice(7, 19), current, total));
          },
        }),
  });
  for (const image of loaded) writer.message({ stream: `${loadedText(image)}\n` });
}

function loadedText(image: LoadedImage): string {
  return 'reference' in image ? `Loaded image: ${image.reference}` : `Loaded image ID: ${image.id}`;
}

async function saveImages(
  { engine, context, query, response }: Call<'imageSave' | 'imageSaveAll'>,
  names: readonly string[],
): Promise<void> {
  const archive = engine.images.save(context, names, { platform: onePlatform(query.platform) });
  await sendStream(response, 'application/x-tar', archive);
}
