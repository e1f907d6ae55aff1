import { messageOf } from '../../base/errors.ts';
import { tagImage } from '../../client/images.ts';
import { isImageId, parseReference, type Reference, repositoryOf } from '../../oci/reference.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';

export const command = defineCommand({
  flags: {},
  args: { exactly: 2 },
  interspersed: false,
  async run({ args, session }) {
    const [source = '', target = ''] = args;
    const client = await session.client();
    parseOr(`Error parsing reference: ${JSON.stringify(source)} is not a valid repository/tag`, source, true);
    const reference = parseOr(
      `Error parsing reference: ${JSON.stringify(target)} is not a valid repository/tag`,
      target,
      false,
    );
    if (reference?.digest !== undefined) {
      throw new CommandError('refusing to create a tag with a digest reference');
    }
    if (reference === undefined) return;
    await tagImage(client, source, repositoryOf(reference), reference.tag ?? 'latest');
  },
});

function parseOr(what: string, text: string, idAllowed: boolean): Reference | undefined {
  if (idAllowed && isImageId(text)) return undefined;
  try {
    return parseReference(text);
  } catch (reason) {
    throw new CommandError(`${what}: ${messageOf(reason)}`);
  }
}
