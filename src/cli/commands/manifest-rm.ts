import { messageOf } from '../../base/errors.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { ManifestStore, noSuchManifest } from '../manifest/manifest-store.ts';
import { manifestReference } from '../manifest/registry.ts';

export const command = defineCommand({
  flags: {},
  args: { atLeast: 1 },
  async run({ args, session }) {
    const store = new ManifestStore(session.configDirectory);
    const failures: string[] = [];
    for (const name of args) {
      try {
        const list = manifestReference(name);
        if (store.list(list) === undefined) throw noSuchManifest(list);
        store.remove(list);
      } catch (reason) {
        failures.push(messageOf(reason));
      }
    }
    if (failures.length > 0) throw new CommandError(failures.join('\n'));
  },
});
