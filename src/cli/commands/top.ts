import { topContainer } from '../../client/containers.ts';
import { defineCommand } from '../command.ts';
import { alignTabs, wideTabs } from '../format/tabwriter.ts';

export const command = defineCommand({
  flags: {},
  args: { atLeast: 1 },
  interspersed: false,
  async run({ args, session }) {
    const [container = '', ...psArguments] = args;
    const { Titles, Processes } = await topContainer(await session.client(), container, psArguments);
    const lines = [Titles ?? [], ...(Processes ?? []).map((cells) => cells ?? [])];
    session.io.out(alignTabs(lines.map((cells) => `${cells.join('\t')}\n`).join(''), wideTabs));
  },
});
