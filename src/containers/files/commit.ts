import type { Context } from '../../base/context.ts';
import { conflict, isCode } from '../../base/errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { familiarReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import { packTar } from '../../oci/tar/pack.ts';
import type { CommitOptions } from '../contract.ts';
import { pauseEntry, unpauseEntry } from '../lifecycle/pause.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { commitConfig } from './commit-config.ts';
import { ImageFiles } from './image-files.ts';
import { layerParts } from './layer-parts.ts';
import { openWritablePart } from './writable-part.ts';

/** Makes an image of a container, which stands still meanwhile when it runs and the client wants it so. */
export async function commitEntry(
  parts: Parts,
  context: Context,
  entry: Entry,
  options: CommitOptions,
): Promise<Digest> {
  checkCommittable(entry);
  const config = commitConfig(entry.container.config, options);
  const parent = parts.images.get(entry.container.imageId);
  await using _pause = options.pause ? await pausedWhile(parts, entry) : undefined;
  await using writable = await openWritablePart(parts, context, entry);
  await using image = new ImageFiles(parts, context, parent.config.rootfs.diff_ids);
  const { id } = await parts.images.commit(context, {
    parent: parent.id,
    layer: packTar(layerParts(context, writable, image)),
    config,
    platform: parent.platform,
    author: options.author,
    comment: options.comment,
    createdBy: (entry.container.config.Cmd ?? []).join(' '),
    created: new Date(),
    reference: options.reference,
  });
  const { comment, reference } = options;
  const imageRef = reference === '' ? '' : familiarReference(withDefaultTag(parseReference(reference)));
  parts.events.container(entry.container, 'commit', { comment, imageID: id, imageRef });
  return id;
}

function checkCommittable({ id, removing, container }: Entry): void {
  const { status } = container.state;
  if (status === 'dead') throw conflict(`You cannot commit container ${id} which is Dead`);
  if (removing || status === 'removing') {
    throw conflict(`You cannot commit container ${id} which is being removed`);
  }
}

/** Undefined when it stands still already. */
async function pausedWhile(parts: Parts, entry: Entry): Promise<AsyncDisposable | undefined> {
  try {
    await pauseEntry(parts, entry);
  } catch (error) {
    // It is paused, or does not run.
    if (isCode(error, 'conflict')) return undefined;
    throw error;
  }
  return {
    async [Symbol.asyncDispose]() {
      // Somebody may have let it go on, or ended it.
      if (entry.container.state.status === 'paused') await unpauseEntry(parts, entry);
    },
  };
}
