import { messageOf } from '../../base/errors.ts';
import { isJsonObject } from '../../base/json.ts';
import { type Platform, pushImage } from '../../client/images.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { formatReference, parseReference, repositoryOf, withDefaultTag } from '../../oci/reference.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import { note } from '../note.ts';
import { progressOutput, showProgress } from '../progress.ts';
import { askWithLogin } from '../registry-auth.ts';

export const command = defineCommand({
  flags: {
    'all-tags': flag(bool(), 'a', 'Upload every tag of the repository'),
    'disable-content-trust': flag(bool(true), '', 'Do not sign images'),
    platform: flag(
      text(),
      '',
      'Upload only the image for this platform (os[/arch[/variant]]),\nwithout the index that names the others',
    ),
    quiet: flag(bool(), 'q', 'Show only the name of the image'),
  },
  args: { exactly: 1 },
  async run({ args, options, session }) {
    const { io } = session;
    const platform = options.platform === '' ? undefined : platformOf(options.platform);
    if (platform !== undefined) io.out(note(platformNote));
    const given = parseReference(args[0] ?? '');
    const all = options['all-tags'];
    const isBare = given.tag === undefined && given.digest === undefined;
    if (all && !isBare) throw new CommandError("tag can't be used with --all-tags/-a");
    if (given.digest !== undefined) throw new CommandError('cannot push a digest reference');
    const reference = all ? given : withDefaultTag(given);
    if (!all && isBare && !options.quiet) io.out(`Using default tag: ${reference.tag}\n`);
    const client = await session.client();
    const body = await askWithLogin(session, reference.domain, 'push', (auth) =>
      pushImage(client, repositoryOf(reference), { tag: reference.tag, platform, auth }),
    );
    const notes: string[] = [];
    try {
      await showProgress(body, progressOutput(io, options.quiet ? 'none' : 'out'), (aux) => {
        notes.push(...notesOn(aux));
      });
      if (options.quiet) io.out(`${formatReference(reference)}\n`);
    } finally {
      for (const one of notes) io.out(note(one));
    }
  },
});

const platformNote = `Using --platform pushes only the specified platform manifest of a multi-platform image index.
Other components, like attestations, will not be included.
To push the complete multi-platform image, remove the --platform flag.
`;

function platformOf(given: string): Platform {
  try {
    return parsePlatform(given);
  } catch (reason) {
    throw new CommandError(`Invalid platform ${given}${messageOf(reason)}`);
  }
}

/** What a daemon says beside the progress: that it could not push all of an index (Docker's auxprogress messages). */
function notesOn(aux: unknown): string[] {
  if (!isJsonObject(aux)) return [];
  if (aux['manifestPushedInsteadOfIndex'] === true) {
    const [index, manifest] = [digestOf(aux['originalIndex']), digestOf(aux['selectedManifest'])];
    return [
      `Not all platforms of the index are here; only the one that is was pushed\n${index} -> ${manifest}`,
    ];
  }
  if (aux['contentMissing'] !== true) return [];
  return [
    'The index names images for other platforms that are neither here nor in the registry.\nPull them, or push one platform alone with --platform.',
  ];
}

function digestOf(descriptor: unknown): string {
  return isJsonObject(descriptor) ? String(descriptor['digest']) : '';
}
