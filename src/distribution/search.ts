import type { Context } from '../base/context.ts';
import { invalid } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import type { SearchOptions, SearchResult } from './contract.ts';
import { parseJson } from './json.ts';
import { retrying } from './retries.ts';
import type { SessionOptions } from './session.ts';
import { Session } from './session.ts';
import { expectStatus, readAtMost } from './transport.ts';

const HUB_INDEX = 'https://index.docker.io';
const MAX_RESULT_BYTES = 4 << 20;

/** Asks Docker Hub for repositories. */
export async function search(
  context: Context,
  options: Pick<SessionOptions, 'transport' | 'settings' | 'patience'>,
  term: string,
  { limit, credentials }: SearchOptions,
): Promise<readonly SearchResult[]> {
  if (term.includes('://')) throw invalid(`invalid repository name: ${term}`);
  const session = new Session({
    ...options,
    endpoint: { url: new URL(HUB_INDEX), isMirror: false },
    credentials,
    scopes: [],
  });
  const url = session.url('/v1/search');
  url.searchParams.set('q', term);
  url.searchParams.set('n', String(limit));
  const bytes = await retrying(context, options.patience, async () => {
    const answer = await expectStatus(await session.exchange(context, { url }), 200);
    return readAtMost(answer.body, MAX_RESULT_BYTES);
  });
  return resultsOf(bytes);
}

function resultsOf(bytes: Uint8Array | undefined): SearchResult[] {
  const value = bytes === undefined ? undefined : parseJson(bytes);
  const results = isJsonObject(value) ? value['results'] : undefined;
  return Array.isArray(results) ? results.flatMap(resultOf) : [];
}

function resultOf(value: unknown): SearchResult[] {
  if (!isJsonObject(value) || typeof value['name'] !== 'string') return [];
  const { name, description, star_count: stars, is_official: official } = value;
  return [
    {
      name,
      description: typeof description === 'string' ? description : '',
      stars: typeof stars === 'number' ? stars : 0,
      official: official === true,
    },
  ];
}
