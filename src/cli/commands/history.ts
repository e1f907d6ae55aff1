import { imageHistory } from '../../client/images.ts';
import { humanDuration } from '../../wire/durations.ts';
import type { History } from '../../wire/image-types.ts';
import type { TypeOf } from '../../wire/schema.ts';
import { humanSize } from '../../wire/sizes.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import { ellipsis, shortId } from '../format/ellipsis.ts';
import { type Listing, renderListing } from '../format/listing.ts';
import { formatRfc3339 } from '../format/time.ts';
import { formatUsage } from '../format-usage.ts';
import { platformOf } from '../platform.ts';

type Step = TypeOf<typeof History>;

export const command = defineCommand({
  flags: {
    format: flag(text(), '', formatUsage('list')),
    human: flag(bool(true), 'H', 'Show sizes and dates for people'),
    'no-trunc': flag(bool(), '', 'Show values in full length'),
    platform: flag(text(), '', 'Platform to show, where there are several (os[/arch[/variant]])'),
    quiet: flag(bool(), 'q', 'Show only IDs'),
  },
  args: { exactly: 1 },
  async run({ args, options, session }) {
    const platform = options.platform === '' ? undefined : platformOf(options.platform);
    const steps = await imageHistory(await session.client(), args[0] ?? '', platform);
    const format = options.format || 'table';
    const listing = historyListing(!options['no-trunc'], options.human, Date.now());
    if (format !== 'table') session.io.out(await renderListing(listing, steps, { template: format }));
    else if (options.quiet) session.io.out(await renderListing(listing, steps, { template: '{{.ID}}' }));
    else {
      const created = options.human ? 'CreatedSince' : 'CreatedAt';
      const table = ['ID', created, 'CreatedBy', 'Size', 'Comment'];
      session.io.out(await renderListing(listing, steps, { table }));
    }
  },
});

/** Images built without a clock say that they are from 1970 or 1980. */
const firstPlausible = Date.UTC(2000, 0, 1) / 1000;

function historyListing(truncate: boolean, human: boolean, now: number): Listing<Step> {
  const createdAt = ({ Created }: Step): string => formatRfc3339(Created);
  return {
    typeName: '*image.historyContext',
    headings: {
      ID: 'IMAGE',
      CreatedSince: 'CREATED',
      CreatedAt: 'CREATED AT',
      CreatedBy: 'CREATED BY',
      Size: 'SIZE',
      Comment: 'COMMENT',
    },
    columns: {
      ID: ({ Id }) => (truncate ? shortId(Id) : Id),
      CreatedAt: createdAt,
      CreatedSince: (step) => {
        if (!human) return createdAt(step);
        if (step.Created <= firstPlausible) return 'N/A';
        return `${humanDuration(now - step.Created * 1000)} ago`;
      },
      CreatedBy: ({ CreatedBy }) => {
        const line = CreatedBy.replaceAll('\t', ' ');
        return truncate ? ellipsis(line, 45) : line;
      },
      Size: ({ Size }) => (human ? humanSize(Size, 3) : String(Size)),
      Comment: ({ Comment }) => Comment,
    },
  };
}
