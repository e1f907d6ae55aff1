import type { Context } from '../base/context.ts';
import { invalid, SampanError } from '../base/errors.ts';
import type { SearchOptions, SearchResult } from './contract.ts';
import { type Endpoint, endpointsOf } from './endpoints.ts';
import { isUnreachable, RegistryRefusal, Transient } from './failures.ts';
import { inTurn } from './in-turn.ts';
import { askCatalog, askSearch, type Question } from './search-questions.ts';
import { type Access, Session } from './session.ts';

const HUB_DOMAIN = 'docker.io';
const HUB_SEARCH = 'https://index.docker.io';
/** Milliseconds that Docker Hub gets where mirrors may know as well: a site without the Internet should not wait long. */
const HUB_TIME = 5_000;

/** One way to find something: a place, asked in some manner. */
interface Way {
  readonly endpoint: Endpoint;
  find(context: Context, question: Question): Promise<readonly SearchResult[]>;
}

/**
 * Repositories whose names have the term in them, at Docker Hub or, for a term "host/term", another registry: by the v1 search, or where
 * there is none by the catalogue. The catalogues of Docker Hub's mirrors count when it cannot be reached.
 */
export async function search(
  context: Context,
  access: Access,
  term: string,
  { limit, credentials }: SearchOptions,
): Promise<readonly SearchResult[]> {
  const { domain, name } = splitTerm(term);
  const { hubSearch = HUB_SEARCH } = access.settings();
  const endpoints = endpointsOf(domain, access.settings());
  const ways = domain === HUB_DOMAIN ? waysToHub(endpoints, new URL(hubSearch)) : endpoints.map(bothWays);
  try {
    return await inTurn(context, ways, (way) => {
      const scopes = ['registry:catalog:*'];
      const session = new Session({ ...access, endpoint: way.endpoint, credentials, scopes });
      return way.find(context, { session, name, limit });
    });
  } catch (error) {
    throw explainSearch(error);
  }
}

/** "host/term" or "term". Docker Hub's official repositories are found without their "library/". */
function splitTerm(term: string): { readonly domain: string; readonly name: string } {
  if (term.includes('://')) {
    throw invalid(`invalid repository name: repository name (${term}) should not have a scheme`);
  }
  const slash = term.indexOf('/');
  const first = term.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === 'localhost';
  const domain = isHost && first !== 'index.docker.io' ? first : HUB_DOMAIN;
  const name = isHost ? term.slice(slash + 1) : term;
  if (!URL.canParse(`https://${domain}`)) throw invalid(`invalid registry name ${JSON.stringify(domain)}`);
  return { domain, name: domain === HUB_DOMAIN ? name.replace(/^library\//, '') : name };
}

function waysToHub(endpoints: readonly Endpoint[], hub: URL): Way[] {
  const mirrors = endpoints.filter(({ isMirror }) => isMirror);
  const findAtHub = (context: Context, question: Question) => {
    if (mirrors.length === 0) return askSearch(context, question);
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(HUB_TIME)]);
    return askSearch({ ...context, signal }, question);
  };
  return [
    ...mirrors.map((endpoint) => ({ endpoint, find: askSearch })),
    // Treated as a mirror so that whatever it fails with, what the site has itself is looked at.
    { endpoint: { url: hub, isMirror: mirrors.length > 0 }, find: findAtHub },
    ...mirrors.map((endpoint) => ({ endpoint, find: askCatalog })),
  ];
}

function bothWays(endpoint: Endpoint): Way {
  const find = async (context: Context, question: Question): Promise<readonly SearchResult[]> => {
    try {
      return await askSearch(context, question);
    } catch (error) {
      const hasNone = error instanceof RegistryRefusal && [400, 404, 405, 501].includes(error.status);
      if (hasNone) return askCatalog(context, question);
      throw error;
    }
  };
  return { endpoint, find };
}

function explainSearch(error: unknown): unknown {
  const failure = error instanceof Transient ? error.failure : error;
  if (failure instanceof SampanError || !(failure instanceof Error)) return failure;
  if (failure instanceof RegistryRefusal && failure.status === 401) {
    return new SampanError('unauthenticated', failure.message);
  }
  const code = isUnreachable(failure) ? 'unavailable' : 'internal';
  return new SampanError(code, failure.message, { cause: failure });
}
