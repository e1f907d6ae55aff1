import { disconnectNetwork } from '../../client/networks.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';

export const command = defineCommand({
  flags: { force: flag(bool(), 'f', 'Disconnect it even where that goes wrong') },
  args: { exactly: 2 },
  async run({ args: [network = '', container = ''], options, session }) {
    const body = { Container: container, Force: options.force };
    await disconnectNetwork(await session.client(), network, body);
  },
});
