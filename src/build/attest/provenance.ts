import { randomUUID } from 'node:crypto';
import { build } from '../../base/build-facts.ts';
import { withoutCredentials } from '../../base/without-credentials.ts';
import { formatPlatform, hostPlatform } from '../../oci/platform.ts';
import type { MadeImage } from '../build-run.ts';
import type { BuildRequest } from '../contract.ts';
import type { RunMount, Vertex } from '../definition/vertex.ts';
import { proxyNames } from '../frontend/scope.ts';
import { definitionOf, locationsOf } from './definition.ts';
import { type Material, remoteMaterial } from './materials.ts';
import type { ProvenanceOptions } from './options.ts';

export interface ProvenanceFacts {
  readonly request: BuildRequest;
  readonly made: MadeImage;
  readonly materials: readonly Material[];
  readonly begun: Date;
}

/** Predicates' types, by the version. */
export const provenanceTypes = {
  'v0.2': 'https://slsa.dev/provenance/v0.2',
  v1: 'https://slsa.dev/provenance/v1',
} as const;

const KEY = 'https://mobyproject.org/buildkit@v1';

/**
 * How an image was made: a SLSA predicate with the parameters that BuildKit's have, whose readers understand it. Values of secrets and
 * credentials are never in it. Where a time stands for now, nothing is in it that would be another at the next build.
 */
export function provenanceOf(facts: ProvenanceFacts, options: ProvenanceOptions): object {
  return options.version === 'v1' ? predicateV1(facts, options) : predicateV02(facts, options);
}

function predicateV02(facts: ProvenanceFacts, options: ProvenanceOptions): object {
  const { request, made, materials } = facts;
  const { vertices } = made.compiled;
  const isMax = options.mode === 'max';
  const sealed = isSealed(facts);
  return {
    builder: { id: builderOf(options) },
    buildType: KEY,
    materials,
    invocation: {
      configSource: configSource(request, 'entryPoint'),
      parameters: parametersOf(facts, isMax),
      environment: { platform: formatPlatform(hostPlatform()) },
    },
    ...(isMax ? { buildConfig: { llbDefinition: definitionOf(vertices) } } : {}),
    metadata: {
      ...times(facts, 'buildInvocationID', 'buildStartedOn', 'buildFinishedOn'),
      completeness: {
        parameters: isMax || !hasConfidential(request),
        environment: true,
        materials: sealed,
      },
      reproducible: options.isReproducible,
      ...(sealed ? { [`${KEY}#hermetic`]: true } : {}),
      [`${KEY}#metadata`]: isMax ? { source: sourceOf(request, vertices) } : {},
    },
  };
}

function predicateV1(facts: ProvenanceFacts, options: ProvenanceOptions): object {
  const { request, made, materials } = facts;
  const { vertices } = made.compiled;
  const isMax = options.mode === 'max';
  const sealed = isSealed(facts);
  return {
    buildDefinition: {
      buildType: 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md',
      externalParameters: {
        configSource: configSource(request, 'path'),
        request: parametersOf(facts, isMax),
      },
      internalParameters: {
        ...(isMax ? { buildConfig: { llbDefinition: definitionOf(vertices) } } : {}),
        builderPlatform: formatPlatform(hostPlatform()),
      },
      resolvedDependencies: materials,
    },
    runDetails: {
      builder: { id: builderOf(options) },
      metadata: {
        ...times(facts, 'invocationID', 'startedOn', 'finishedOn'),
        buildkit_metadata: isMax ? { source: sourceOf(request, vertices) } : {},
        buildkit_hermetic: sealed,
        buildkit_completeness: {
          request: isMax || !hasConfidential(request),
          resolvedDependencies: sealed,
        },
        buildkit_reproducible: options.isReproducible,
      },
    },
  };
}

function builderOf({ builder }: ProvenanceOptions): string {
  return builder === '' ? `pkg:generic/sampan@${build.version}` : builder;
}

/** `entry`: how the predicate calls the place of the Dockerfile. */
function configSource({ contextSource, filename }: BuildRequest, entry: string): object {
  return { ...(contextSource === undefined ? {} : remoteMaterial(contextSource)), [entry]: filename };
}

/** What was asked for, as the front end "dockerfile.v0" is asked. */
function parametersOf({ request, made }: ProvenanceFacts, isMax: boolean): object {
  const { target, network, extraHosts, contextSource, namedContexts } = request;
  const args: Record<string, string> = {
    ...(contextSource === undefined ? {} : { context: withoutCredentials(contextSource.url) }),
    ...(target === '' ? {} : { target }),
    ...(network === '' || network === 'default' ? {} : { 'force-network-mode': network }),
    ...(extraHosts.length === 0 ? {} : { 'add-hosts': extraHosts.join(',') }),
    ...(request.noCache === false ? {} : { 'no-cache': namesOf(request.noCache) }),
    ...(isMax ? { ...prefixed('build-arg', argsOf(request)), ...prefixed('label', request.labels) } : {}),
  };
  for (const [name, tree] of Object.entries(namedContexts)) {
    args[`context:${name}`] = 'image' in tree ? `docker-image://${tree.image}` : `local:${name}`;
  }
  const locals = contextSource === undefined ? [{ name: 'context' }, { name: 'dockerfile' }] : [];
  const mounts = isMax ? mountsOf(made.compiled.vertices) : {};
  return { frontend: 'dockerfile.v0', args, ...(locals.length === 0 ? {} : { locals }), ...mounts };
}

function namesOf(noCache: true | readonly string[]): string {
  return noCache === true ? '' : noCache.join(',');
}

/** Proxies often have passwords, and change nothing in what is made. */
function argsOf({ args }: BuildRequest): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(args).filter(([name]) => !proxyNames.includes(name)));
}

function prefixed(prefix: string, pairs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(pairs).map(([name, value]) => [`${prefix}:${name}`, value]));
}

/** Which secrets and agents commands asked for: their names alone. */
function mountsOf(vertices: readonly Vertex[]): object {
  const mounts = vertices.flatMap(({ operation }) => (operation.kind === 'run' ? operation.mounts : []));
  const listed = (type: 'secret' | 'ssh'): object[] => {
    const found = mounts.filter(
      (mount): mount is Extract<RunMount, { type: 'secret' | 'ssh' }> => mount.type === type,
    );
    const byId = new Map(found.map(({ id, required }) => [id, required ? { id } : { id, optional: true }]));
    return [...byId.values()];
  };
  const [secrets, ssh] = [listed('secret'), listed('ssh')];
  return { ...(secrets.length === 0 ? {} : { secrets }), ...(ssh.length === 0 ? {} : { ssh }) };
}

function hasConfidential(request: BuildRequest): boolean {
  return Object.keys(argsOf(request)).length > 0 || Object.keys(request.labels).length > 0;
}

/** Whether all that went into the image is among the materials: no client's files, and no command that could reach a network. */
function isSealed({ made }: ProvenanceFacts): boolean {
  return made.compiled.vertices.every(
    ({ operation }) =>
      operation.kind !== 'local' && (operation.kind !== 'run' || operation.network === 'none'),
  );
}

function times({ request, begun }: ProvenanceFacts, id: string, start: string, end: string): object {
  if (request.sourceDate !== undefined) return {};
  return { [id]: randomUUID(), [start]: begun.toISOString(), [end]: new Date().toISOString() };
}

function sourceOf({ filename, dockerfile }: BuildRequest, vertices: readonly Vertex[]): object {
  const data = Buffer.from(dockerfile).toString('base64');
  return { locations: locationsOf(vertices), infos: [{ filename, language: 'Dockerfile', data }] };
}
