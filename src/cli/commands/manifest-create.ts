import { formatReference } from '../../oci/reference.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';
import { ManifestStore } from '../manifest/manifest-store.ts';
import { ManifestRegistry, manifestReference } from '../manifest/registry.ts';

export const command = defineCommand({
  flags: {
    amend: flag(bool(), 'a', 'Add to a list that exists'),
    insecure: flag(
      bool(),
      '',
      'Accept a registry without TLS, or with a certificate that nobody vouches for',
    ),
  },
  args: { atLeast: 2 },
  async run({ args, options, session }) {
    const [name = '', ...images] = args;
    const list = manifestReference(name, `error parsing name for manifest list ${name}: `);
    const store = new ManifestStore(session.configDirectory);
    if (store.list(list) !== undefined && !options.amend) {
      throw new CommandError('refusing to amend an existing manifest list with no --amend flag');
    }
    const registry = new ManifestRegistry(session, options.insecure);
    for (const image of images) {
      const reference = manifestReference(image);
      store.save(list, reference, store.get(list, reference) ?? (await registry.image(reference)));
    }
    session.io.out(`Created manifest list ${formatReference(list)}\n`);
  },
});
