import type { Client } from '../../client/client.ts';
import { listContainers } from '../../client/containers.ts';
import { serverEvents } from '../../client/system.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { messageOfFailure } from '../failure.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import { type ListFormat, renderListing } from '../format/listing.ts';
import { formatUsage } from '../format-usage.ts';
import { statsListing } from '../listings/stats.ts';
import { StatsCollector } from '../stats-collector.ts';

const REFRESH_INTERVAL = 500;

export const command = defineCommand({
  flags: {
    all: flag(bool(), 'a', 'Show stopped containers too'),
    format: flag(text(), '', formatUsage('list')),
    'no-stream': flag(bool(), '', 'Show one reading and end'),
    'no-trunc': flag(bool(), '', 'Show values in full length'),
  },
  args: { atLeast: 0 },
  async run({ args, options, session }) {
    const client = await session.client();
    const stream = !options['no-stream'];
    const collector = new StatsCollector(client, stream);
    const gone = new AbortController();
    let failure: unknown;
    const failed = (reason: unknown): void => {
      failure = gone.signal.aborted ? undefined : reason;
    };
    if (args.length === 0) await watchAll(client, collector, options.all, gone.signal, failed);
    else await watchNamed(args, collector, session.address.host);
    const format = listFormat(options.format || session.config.statsFormat);
    const listing = statsListing(!options['no-trunc']);
    try {
      do {
        const table = await renderListing(listing, collector.rows(), format);
        session.io.out(stream ? redrawn(table) : table);
        if (!stream || (args.length > 0 && collector.rows().length === 0)) break;
        await new Promise((resolve) => setTimeout(resolve, REFRESH_INTERVAL));
      } while (failure === undefined);
    } finally {
      gone.abort(new Error('stats ended'));
      collector.stop();
    }
    if (failure !== undefined) throw failure;
  },
});

function listFormat(format: string): ListFormat {
  if (format !== '' && format !== 'table') return { template: format };
  return { table: ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'] };
}

/** From the top left, each line cleared to its end, and what is below. */
function redrawn(table: string): string {
  const lines = table.split('\n').map((line) => `${line} \x1b[K\n`);
  return `\x1b[H${lines.join('')}\x1b[J`;
}

async function watchNamed(names: readonly string[], collector: StatsCollector, host: string): Promise<void> {
  await Promise.all(names.map((name) => collector.add(name)));
  const failures = collector.failures().map((reason) => messageOfFailure(reason, host));
  if (failures.length > 0) throw new CommandError(failures.join('\n'));
}

/** Subscribed to events before the list is taken, so that no container is missed in between. */
async function watchAll(
  client: Client,
  collector: StatsCollector,
  all: boolean,
  signal: AbortSignal,
  failed: (reason: unknown) => void,
): Promise<void> {
  const events = await serverEvents(client, { filters: { type: { container: true } } }, signal);
  const containers = await listContainers(client, { all });
  await Promise.all(containers.map(({ Id }) => collector.add(Id.slice(0, 12))));
  const follow = async (): Promise<void> => {
    for await (const { Action, Actor } of events) {
      const id = Actor.ID.slice(0, 12);
      if (Action === 'start' || (all && Action === 'create')) void collector.add(id);
      else if (!all && Action === 'die') collector.remove(id);
    }
  };
  void follow().catch(failed);
}
