import { pullImage } from '../../client/images.ts';
import { formatReference, parseReference, repositoryOf, withDefaultTag } from '../../oci/reference.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import { progressOutput, showProgress } from '../progress.ts';
import { askWithLogin } from '../registry-auth.ts';

export const command = defineCommand({
  flags: {
    'all-tags': flag(bool(), 'a', 'Download every tag of the repository'),
    'disable-content-trust': flag(bool(true), '', 'Do not check signatures of images'),
    platform: flag(text(), '', 'Platform of the image, where there are several'),
    quiet: flag(bool(), 'q', 'Show only the name of the image'),
  },
  args: { exactly: 1 },
  async run({ args, options, session }) {
    const given = parseReference(args[0] ?? '');
    const all = options['all-tags'];
    const isBare = given.tag === undefined && given.digest === undefined;
    if (all && !isBare) throw new CommandError("tag can't be used with --all-tags/-a");
    const reference = all ? given : withDefaultTag(given);
    if (!all && isBare && !options.quiet) session.io.out(`Using default tag: ${reference.tag}\n`);
    const client = await session.client();
    const body = await askWithLogin(session, reference.domain, 'pull', (auth) =>
      pullImage(client, repositoryOf(reference), {
        tag: all ? undefined : (reference.digest ?? reference.tag),
        platform: options.platform || session.io.environment.DOCKER_DEFAULT_PLATFORM,
        auth,
      }),
    );
    await showProgress(body, progressOutput(session.io, options.quiet ? 'none' : 'out'));
    session.io.out(`${formatReference(reference)}\n`);
  },
});
