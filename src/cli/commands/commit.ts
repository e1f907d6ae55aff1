import { commitContainer } from '../../client/container-files.ts';
import { parseReference, repositoryOf, withDefaultTag } from '../../oci/reference.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool, list, text } from '../flag-types.ts';

export const command = defineCommand({
  flags: {
    author: flag(text(), 'a', 'Who made the image (such as "Ada Example <ada@example.org>")'),
    change: flag(list(), 'c', 'Change the image by a Dockerfile instruction'),
    message: flag(text(), 'm', 'Comment of the image'),
    pause: flag(bool(true), 'p', 'Freeze the container meanwhile'),
  },
  args: { atLeast: 1, atMost: 2 },
  async run({ args, options, session }) {
    const [container = '', name = ''] = args;
    const target = name === '' ? undefined : withDefaultTag(parseReference(name));
    if (target?.digest !== undefined) {
      throw new CommandError('refusing to create a tag with a digest reference');
    }
    const id = await commitContainer(await session.client(), container, {
      repository: target === undefined ? undefined : repositoryOf(target),
      tag: target?.tag,
      author: options.author,
      comment: options.message,
      changes: options.change,
      pause: options.pause,
    });
    session.io.out(`${id}\n`);
  },
});
