import { importImage } from '../../client/images.ts';
import { parseReference } from '../../oci/reference.ts';
import { defineCommand } from '../command.ts';
import { openInput } from '../file-input.ts';
import { flag } from '../flag.ts';
import { list, text } from '../flag-types.ts';
import { progressOutput, showProgress } from '../progress.ts';

export const command = defineCommand({
  flags: {
    change: flag(list(), 'c', 'Change the image by a Dockerfile instruction'),
    message: flag(text(), 'm', 'Comment of the image'),
    platform: flag(text(), '', 'Platform of the image'),
  },
  args: { atLeast: 1 },
  async run({ args, options, session }) {
    const [given = '', reference = ''] = args;
    const isUrl = /^https?:\/\//.test(given);
    const archive = isUrl ? undefined : given === '-' ? session.io.stdin() : openInput(given);
    const client = await session.client();
    if (reference !== '') parseReference(reference);
    const body = await importImage(
      client,
      {
        source: isUrl ? given : '-',
        reference: reference || undefined,
        message: options.message,
        changes: options.change,
        platform: options.platform || session.io.environment.DOCKER_DEFAULT_PLATFORM,
      },
      archive,
    );
    await showProgress(body, progressOutput(session.io, 'out'));
  },
});
