import type { Context } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { expectStatus, readAtMost } from './bodies.ts';
import type { SearchResult } from './contract.ts';
import { RegistryRefusal } from './failures.ts';
import { parseJson } from './json.ts';
import { nextPage } from './repository.ts';
import { retrying } from './retries.ts';
import type { Session } from './session.ts';

const MAX_PAGE_BYTES = 4 << 20;
const MAX_PAGES = 100;
const PAGE = 1_000;

/** What is looked for, and where. */
export interface Question {
  readonly session: Session;
  /** Part of a repository's name. */
  readonly name: string;
  readonly limit: number;
}

/** Asks the search of the old v1 protocol, which Docker Hub and some others have. Fails with a 404 where there is none. */
export async function askSearch(
  context: Context,
  { session, name, limit }: Question,
): Promise<readonly SearchResult[]> {
  const url = session.url('/v1/search');
  url.searchParams.set('q', name);
  url.searchParams.set('n', String(limit));
  const { value } = await getJson(context, session, url);
  const results = isJsonObject(value) ? value['results'] : undefined;
  // Some registries answer every path with a page.
  if (!Array.isArray(results)) throw new RegistryRefusal(404, '', `${url.host} has no search`);
  return results.flatMap(resultOf).slice(0, limit);
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

/** Looks through the list of all repositories. */
export async function askCatalog(
  context: Context,
  { session, name, limit }: Question,
): Promise<readonly SearchResult[]> {
  const found: SearchResult[] = [];
  const wanted = name.toLowerCase();
  let next: URL | undefined = session.url(`/v2/_catalog?n=${PAGE}`);
  for (let page = 0; next !== undefined && page < MAX_PAGES && found.length < limit; page++) {
    const url: URL = next;
    const { headers, value } = await getJson(context, session, url);
    const repositories = isJsonObject(value) ? value['repositories'] : undefined;
    for (const repository of Array.isArray(repositories) ? repositories : []) {
      if (typeof repository !== 'string' || !repository.includes(wanted)) continue;
      found.push({ name: repository, description: '', stars: 0, official: false });
    }
    next = nextPage(headers.get('link'), url);
  }
  return found.slice(0, limit);
}

function getJson(
  context: Context,
  session: Session,
  url: URL,
): Promise<{ readonly headers: Headers; readonly value: unknown }> {
  return retrying(context, session.patience, async () => {
    // What makes Docker Hub's index answer an unknown client.
    const headers = { Accept: 'application/json', 'X-Docker-Token': 'true' };
    const answer = await expectStatus(await session.exchange(context, { url, headers }), 200);
    const bytes = await readAtMost(answer.body, MAX_PAGE_BYTES);
    if (bytes === undefined) {
      throw new SampanError('exhausted', `${url.host} answers with more than ${MAX_PAGE_BYTES} bytes`);
    }
    return { headers: answer.headers, value: parseJson(bytes) };
  });
}
