import { createVolume } from '../../client/volumes.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { checkLabel } from '../container/checks.ts';
import { flag } from '../flag.ts';
import { cut, list, map, text } from '../flag-types.ts';

export const command = defineCommand({
  flags: {
    driver: flag(text('local'), 'd', 'Driver of the volume'),
    label: flag(list(checkLabel), '', 'Set labels'),
    name: flag(text(), '', 'Name of the volume', { hidden: true }),
    opt: flag(map(), 'o', 'Options of the driver'),
  },
  args: { atMost: 1 },
  async run({ args, options, session }) {
    const [given] = args;
    if (given !== undefined && options.name !== '') {
      throw new CommandError(
        'conflicting options: cannot specify a volume-name through both --name and as a positional arg',
      );
    }
    const name = given ?? options.name;
    const labels = Object.fromEntries(options.label.map((label) => cut(label, '=')));
    const { Name } = await createVolume(await session.client(), {
      ...(options.driver === '' ? {} : { Driver: options.driver }),
      ...(Object.keys(options.opt).length === 0 ? {} : { DriverOpts: { ...options.opt } }),
      ...(options.label.length === 0 ? {} : { Labels: labels }),
      ...(name === '' ? {} : { Name: name }),
    });
    session.io.out(`${Name}\n`);
  },
});
