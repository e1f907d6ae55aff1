import { withoutCredentials } from '../../base/without-credentials.ts';
import type { Operation, RunOperation, Vertex } from '../definition/vertex.ts';
import { proxyNames } from '../frontend/scope.ts';

/** One vertex of a definition. */
interface DefinitionStep {
  readonly id: string;
  /** By the kind of the operation, as BuildKit's definitions name them. */
  readonly op: object;
  readonly inputs?: readonly string[];
}

/** The names of steps: "step0", "step1", … in the order of the definition. */
function stepNames(vertices: readonly Vertex[]): ReadonlyMap<Vertex['digest'], string> {
  return new Map(vertices.map(({ digest }, index) => [digest, `step${index}`]));
}

/** What was to be done, step by step: without values of secrets, and without proxies. */
export function definitionOf(vertices: readonly Vertex[]): readonly DefinitionStep[] {
  const names = stepNames(vertices);
  return vertices.map(({ digest, operation, inputs }) => ({
    id: names.get(digest) ?? '',
    op: { Op: operationOf(operation), ...platformIn(operation) },
    ...(inputs.length === 0 ? {} : { inputs: inputs.map((input) => `${names.get(input.digest)}:0`) }),
  }));
}

/** Lines of the Dockerfile, by step. */
export function locationsOf(vertices: readonly Vertex[]): Readonly<Record<string, object>> {
  const names = stepNames(vertices);
  return Object.fromEntries(
    vertices.flatMap(({ digest, note: { lines } }) => {
      if (lines === undefined) return [];
      const ranges = [{ start: { line: lines.first }, end: { line: lines.last } }];
      return [[names.get(digest) ?? '', { locations: [{ ranges }] }]];
    }),
  );
}

function operationOf(operation: Operation): object {
  switch (operation.kind) {
    case 'scratch':
      return { source: { identifier: 'scratch' } };
    case 'image':
      return { source: { identifier: `docker-image://${operation.reference}` } };
    case 'local':
      return { source: { identifier: `local://${operation.name}` } };
    case 'http':
      return { source: { identifier: withoutCredentials(operation.url) } };
    case 'git': {
      const ref = operation.ref === '' ? '' : `#${operation.ref}`;
      return { source: { identifier: `git://${withoutCredentials(operation.url)}${ref}` } };
    }
    case 'run':
      return { exec: execOf(operation) };
    case 'copy': {
      const { sources, destination, owner, mode } = operation;
      const from = sources.map((source) =>
        source.type === 'input' ? { input: source.input, path: source.path } : { file: source.name },
      );
      return { file: { actions: [{ copy: { sources: from, dest: destination, owner, mode } }] } };
    }
    case 'directory':
      return { file: { actions: [{ mkdir: { path: operation.path, mode: operation.mode } }] } };
  }
}

function execOf({ args, env, workingDirectory, user, network, security, mounts }: RunOperation): object {
  return {
    meta: { args, env: env.filter((entry) => !isProxy(entry)), cwd: workingDirectory, user },
    mounts: mounts.map((mount) => ({
      type: mount.type,
      dest: mount.target,
      ...('id' in mount ? { id: mount.id } : {}),
    })),
    // Numbers of pb.NetMode and pb.SecurityMode: clients read definitions into BuildKit's own types.
    network: network === 'host' ? 1 : network === 'none' ? 2 : 0,
    security: security === 'insecure' ? 1 : 0,
  };
}

function isProxy(entry: string): boolean {
  return proxyNames.includes(entry.slice(0, entry.indexOf('=')));
}

function platformIn(operation: Operation): object {
  if (!('platform' in operation)) return {};
  const { architecture, os, variant } = operation.platform;
  return {
    platform: { Architecture: architecture, OS: os, ...(variant === undefined ? {} : { Variant: variant }) },
  };
}
