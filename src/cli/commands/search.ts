import { searchImages } from '../../client/registries.ts';
import type { SearchResult } from '../../wire/registry-types.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool, filter, integer, text } from '../flag-types.ts';
import { ellipsis } from '../format/ellipsis.ts';
import { type Listing, renderListing } from '../format/listing.ts';
import { formatUsage } from '../format-usage.ts';
import { askWithLogin } from '../registry-auth.ts';

export const command = defineCommand({
  flags: {
    filter: flag(filter, 'f', 'List only those that meet conditions'),
    format: flag(text(), '', formatUsage('list')),
    limit: flag(integer(), '', 'List no more than this many'),
    'no-trunc': flag(bool(), '', 'Show values in full length'),
  },
  args: { exactly: 1 },
  async run({ args: [term = ''], options, session }) {
    const { filter: filters, format, limit } = options;
    if (Object.hasOwn(filters, 'is-automated')) {
      session.io.err(
        'WARNING: the "is-automated" filter is deprecated, and searching for "is-automated=true" will not yield any results in future.\n',
      );
    }
    const client = await session.client();
    const results = await askWithLogin(session, domainOf(term), 'search', (auth) =>
      searchImages(client, term, {
        limit: limit === 0 ? undefined : limit,
        filters: Object.keys(filters).length === 0 ? undefined : filters,
        auth,
      }),
    );
    const isTable = format === '' || format === 'table';
    const columns = { table: ['Name', 'Description', 'StarCount', 'IsOfficial'] };
    const listing = searchListing(!options['no-trunc']);
    session.io.out(await renderListing(listing, results, isTable ? columns : { template: format }));
  },
});

/** A term may begin with a registry: "registry.example/name". */
function domainOf(term: string): string {
  const slash = term.indexOf('/');
  const first = term.slice(0, Math.max(slash, 0));
  return /[.:]/.test(first) || first === 'localhost' ? first : 'docker.io';
}

const DESCRIPTION_WIDTH = 45;

function searchListing(truncate: boolean): Listing<SearchResult> {
  return {
    typeName: '*registry.searchContext',
    headings: { Name: 'NAME', Description: 'DESCRIPTION', StarCount: 'STARS', IsOfficial: 'OFFICIAL' },
    columns: {
      Name: ({ name }) => name,
      Description: ({ description }) => {
        const line = description.replace(/[\n\r]/g, ' ');
        return truncate ? ellipsis(line, DESCRIPTION_WIDTH) : line;
      },
      StarCount: ({ star_count }) => String(star_count),
      IsOfficial: ({ is_official }) => (is_official ? '[OK]' : ''),
    },
    inJson: { IsOfficial: ({ is_official }) => String(is_official) },
  };
}
