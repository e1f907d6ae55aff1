import { invalid, SampanError } from '../../base/errors.ts';
import { isJsonObject } from '../../base/json.ts';
import { ownValue } from '../../base/own-value.ts';
import type { BuildRequest, OpenBuildContext } from '../../build/contract.ts';
import type { Platform } from '../../oci/image.ts';
import { hostPlatform, parsePlatform } from '../../oci/platform.ts';
import { familiarReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import { EVENTS } from '../../wire/build-messages.ts';
import type { Call } from '../call.ts';
import { buildCredentials } from './build-headers.ts';

type Query = Call<'build'>['query'];

/** What is asked for apart from the files. Fails with `invalid-argument` before anything of the body is read. */
export type BuildOptions = Omit<BuildRequest, 'dockerfile' | 'filename' | 'context' | 'namedContexts'>;

export function buildOptions({
  query,
  request,
  engine,
}: Pick<Call<'build'>, 'query' | 'request' | 'engine'>): BuildOptions {
  refuseUnsupported(query);
  const limits = limitsOf(query);
  engine.builder.checkLimits(limits);
  const secrets = query.secrets === '' ? undefined : engine.builder.takeSecrets(query.secrets);
  const agents = texts('ssh', query.ssh);
  const filter = list('nocachefilter', query.nocachefilter);
  return {
    id: query.buildid,
    target: query.target,
    args: args(query.buildargs),
    labels: texts('labels', query.labels),
    platforms: platforms(query.platform),
    tags: tags(query.t),
    noCache: query.nocache || (filter.length > 0 && filter),
    pull: query.pull,
    network: query.networkmode,
    entitlements: list('entitlements', query.entitlements),
    extraHosts: query.extrahosts,
    limits,
    secrets: async (id) => secrets?.get(id),
    ssh: (id) => ownValue(agents, id),
    credentials: buildCredentials(request.headers),
    cacheFrom: list('cachefrom', query.cachefrom),
    style: query.progress === EVENTS ? 'buildkit' : 'classic',
    sourceDate: undefined,
    attestations: texts('attestations', query.attestations),
    annotations: texts('annotations', query.annotations),
    statementNames: tags(list('statementnames', query.statementnames)),
    compression: compression(query.compression),
    // Nobody else is told that there is a step to be looked at.
    debug: query.debug && query.progress === EVENTS,
  };
}

export function buildRequest(
  options: BuildOptions,
  { dockerfile, filename, tree, source: contextSource }: OpenBuildContext,
  namedContexts: BuildRequest['namedContexts'],
): BuildRequest {
  return { ...options, dockerfile, filename, context: tree, namedContexts, contextSource };
}

/** What this engine cannot do is refused rather than left out. */
function refuseUnsupported({ squash, version, session, outputs, securityopt, isolation }: Query): void {
  if (squash) throw invalid('squash is only supported with experimental mode');
  if (version !== '' && version !== '1') throw invalid(`invalid version ${version}`);
  if (session !== '') throw invalid('a build with a session needs version=2');
  if (outputs !== '' && outputs !== '[]' && outputs !== 'null') {
    throw new SampanError('unimplemented', 'outputs other than an image of this engine are not supported');
  }
  if (securityopt.length > 0) {
    throw invalid('The daemon on this platform does not support setting security options on build');
  }
  if (isolation !== '' && isolation !== 'default')
    throw invalid(`Unsupported isolation: ${JSON.stringify(isolation)}`);
}

function limitsOf(query: Query): BuildRequest['limits'] {
  return {
    cgroupParent: query.cgroupparent,
    memory: query.memory ?? 0,
    memorySwap: query.memswap ?? 0,
    cpuShares: query.cpushares ?? 0,
    cpuPeriod: query.cpuperiod ?? 0,
    cpuQuota: query.cpuquota ?? 0,
    cpusetCpus: query.cpusetcpus,
    cpusetMems: query.cpusetmems,
    shmSize: query.shmsize ?? 0,
    ulimits: ulimits(query.ulimits),
  };
}

function ulimits(source: string): BuildRequest['limits']['ulimits'] {
  const values = json('ulimit settings', source) ?? [];
  if (!Array.isArray(values)) throw invalid('error reading ulimit settings: not a list');
  return values.map((value: unknown) => {
    const { Name, Soft, Hard } = isJsonObject(value) ? value : {};
    if (typeof Name !== 'string' || typeof Soft !== 'number' || typeof Hard !== 'number') {
      throw invalid('error reading ulimit settings: each needs Name, Soft and Hard');
    }
    return { name: Name, soft: Soft, hard: Hard };
  });
}

function compression(text: string): BuildRequest['compression'] {
  if (text === '') return undefined;
  if (text === 'uncompressed' || text === 'gzip' || text === 'zstd') return text;
  throw invalid(`unsupported layer compression type ${JSON.stringify(text)}`);
}

function platforms(text: string): readonly Platform[] {
  const names = text.split(',').filter((name) => name !== '');
  return names.length === 0 ? [hostPlatform()] : names.map(parsePlatform);
}

function tags(names: readonly string[]): readonly string[] {
  const familiar = names
    .filter((name) => name !== '')
    .map((name) => {
      const reference = parseReference(name);
      if (reference.digest !== undefined) throw invalid('build tag cannot contain a digest');
      return familiarReference(withDefaultTag(reference));
    });
  return [...new Set(familiar)];
}

/** Arguments without a value - the client's environment had none - are not set. */
export function args(source: string): Record<string, string> {
  const given = Object.entries(record('build args', source));
  return Object.fromEntries(
    given.filter((entry): entry is [string, string] => isText('build args', entry[1])),
  );
}

function isText(what: string, value: unknown): value is string {
  if (typeof value === 'string') return true;
  if (value === null) return false;
  throw invalid(`error reading ${what}: a value is no text`);
}

/** A JSON object of texts. */
export function texts(what: string, source: string): Record<string, string> {
  const given = Object.entries(record(what, source));
  return Object.fromEntries(given.map(([name, value]) => [name, isText(what, value) ? value : '']));
}

function record(what: string, source: string): Record<string, unknown> {
  const value = json(what, source) ?? {};
  if (!isJsonObject(value)) throw invalid(`error reading ${what}: not an object`);
  return value;
}

/** A JSON list of texts. */
export function list(what: string, source: string): readonly string[] {
  const value = json(what, source) ?? [];
  if (!Array.isArray(value)) throw invalid(`error reading ${what}: not a list`);
  return value.filter((item): item is string => isText(what, item));
}

function json(what: string, source: string): unknown {
  if (source === '') return undefined;
  try {
    return JSON.parse(source);
  } catch {
    throw invalid(`error reading ${what}: not JSON`);
  }
}
