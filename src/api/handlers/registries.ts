import { internal, invalid } from '../../base/errors.ts';
import type { SearchResult } from '../../distribution/contract.ts';
import { isImageId, parseReference, withDefaultTag } from '../../oci/reference.ts';
import type { Filters } from '../../wire/query.ts';
import type { SearchResult as WireSearchResult } from '../../wire/registry-types.ts';
import type { HandlersOf } from '../call.ts';
import { flagFilter } from '../filters/match.ts';
import { credentialsOf, parseRegistryAuth } from '../registry-auth.ts';
import { renderDescriptor, renderPlatform } from '../render/descriptor.ts';

/** Docker Hub, by the address that its logins are kept under. */
const DEFAULT_REGISTRY = 'https://index.docker.io/v1/';
const DEFAULT_SEARCH_LIMIT = 25;
const MAX_SEARCH_LIMIT = 100;

export const registryHandlers: HandlersOf<'authenticate' | 'imageSearch' | 'distributionInspect'> = {
  async authenticate({ engine, context, body, request }) {
    const { status, identityToken } = await engine.registries.authenticate(
      { ...context, signal: request.signal },
      body.serveraddress || DEFAULT_REGISTRY,
      credentialsOf(body),
    );
    return { IdentityToken: identityToken, Status: status };
  },

  async imageSearch({ engine, context, query, request }) {
    const limit = query.limit || DEFAULT_SEARCH_LIMIT;
    if (limit < 1 || limit > MAX_SEARCH_LIMIT) {
      throw invalid(`limit ${limit} is outside the range of [1, ${MAX_SEARCH_LIMIT}]`);
    }
    const wanted = searchFilter(query.filters);
    const results = await engine.registries.search({ ...context, signal: request.signal }, query.term, {
      limit,
      credentials: parseRegistryAuth(request.headers.get('x-registry-auth')),
    });
    return results.filter(wanted).map(renderResult);
  },

  async distributionInspect({ engine, context, name, request }) {
    if (isImageId(name)) throw internal('no manifest found for full image ID');
    const { descriptor, platforms } = await engine.registries.describe(
      { ...context, signal: request.signal },
      withDefaultTag(parseReference(name)),
      parseRegistryAuth(request.headers.get('x-registry-auth')),
    );
    return { Descriptor: renderDescriptor(descriptor), Platforms: platforms.map(renderPlatform) };
  },
};

/** Automated builds are no more: who asks for them gets nothing. */
function searchFilter(filters: Filters): (result: SearchResult) => boolean {
  const official = flagFilter(filters, 'is-official');
  const automated = flagFilter(filters, 'is-automated') ?? false;
  const stars = Math.max(0, ...(filters['stars'] ?? []).map(starsOf));
  return (result) =>
    !automated && (official === undefined || result.official === official) && result.stars >= stars;
}

function starsOf(text: string): number {
  if (!/^[+-]?\d{1,9}$/.test(text)) throw invalid(`invalid filter 'stars=${text}'`);
  return Number(text);
}

function renderResult({ name, description, stars, official }: SearchResult): WireSearchResult {
  return { star_count: stars, is_official: official, name, is_automated: false, description };
}
