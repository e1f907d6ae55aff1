import type { Context } from '../../base/context.ts';
import { invalid, notFound } from '../../base/errors.ts';
import type { SandboxMount } from '../../containers/sandbox/contract.ts';
import { fromText } from '../../oci/tar/entry.ts';
import type { RunMount, RunOperation } from '../definition/vertex.ts';
import { followLinks } from '../files/follow-links.ts';
import type { Result } from '../solver/result.ts';
import type { Step } from '../solver/step.ts';
import { openAgentSocket } from './agent-socket.ts';
import type { CacheMount, CacheMountSeed } from './cache-mounts.ts';
import { missingSource } from './missing-source.ts';
import { OpenResults } from './open-result.ts';
import type { RunStepParts } from './run.ts';

/** What a step's mounts come to for one run. What they hold is held until the stack is disposed of. */
export interface ResolvedMounts {
  readonly mounts: readonly SandboxMount[];
  /** Secrets: "NAME=value". */
  readonly secrets: readonly string[];
  /** Where the first of the agents is to be found, for a command that knows of none. */
  readonly agent: readonly string[];
}

type Mount<T extends RunMount['type']> = Extract<RunMount, { type: T }>;

/** As much as BuildKit takes. */
const MAX_SECRET_BYTES = 500 << 10;

const AGENT_TARGET = '/run/buildkit/ssh_agent';

export async function resolveMounts(
  parts: RunStepParts,
  step: Step<RunOperation>,
  held: AsyncDisposableStack,
): Promise<ResolvedMounts> {
  const caches = await acquireCaches(parts, step, held);
  const mounts: SandboxMount[] = [];
  const secrets: string[] = [];
  const agents: string[] = [];
  for (const mount of step.operation.mounts) {
    if (mount.type === 'bind') mounts.push(await bindMount(parts, step, mount));
    else if (mount.type === 'tmpfs') mounts.push(mount);
    else if (mount.type === 'cache') mounts.push(...cacheMount(mount, caches));
    else if (mount.type === 'secret') {
      const secret = await secretMount(step, mount);
      mounts.push(...secret.mounts);
      secrets.push(...secret.env);
    } else {
      const target = mount.target || `${AGENT_TARGET}.${agents.length}`;
      const found = await agentMount(parts, step, { ...mount, target }, held);
      mounts.push(...found);
      if (found.length > 0) agents.push(`SSH_AUTH_SOCK=${target}`);
    }
  }
  return { mounts, secrets, agent: agents.slice(0, 1) };
}

async function bindMount(
  parts: RunStepParts,
  step: Step<RunOperation>,
  { input, source, target, readOnly }: Mount<'bind'>,
): Promise<SandboxMount> {
  const layers = await parts.resultLayers.of(step.context, step.lease, inputOf(step, input));
  return { type: 'layers', layers, path: source, target, readOnly };
}

export function inputOf({ inputs }: Pick<Step, 'inputs'>, number: number): Result {
  const input = inputs[number];
  if (input === undefined) throw new Error(`a step has no input ${number}`);
  return input;
}

type Caches = ReadonlyMap<Mount<'cache'>, CacheMount>;

/** In one order for all steps, so that none waits for another that waits for it; one that is named twice is the same. */
async function acquireCaches(
  parts: RunStepParts,
  step: Step<RunOperation>,
  held: AsyncDisposableStack,
): Promise<Caches> {
  const opened = held.use(new OpenResults(step.context, parts));
  const wanted = step.operation.mounts.filter((mount) => mount.type === 'cache');
  const caches = new Map<Mount<'cache'>, CacheMount>();
  const byName = new Map<string, CacheMount>();
  for (const mount of wanted.toSorted((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id)))) {
    const seed =
      mount.input === undefined ? undefined : await seedOf(step, opened, mount.input, mount.source);
    const name = JSON.stringify([mount.id, seed?.identity]);
    const known = byName.get(name);
    const cache = known ?? held.use(await parts.cacheMounts.acquire(step.context, { ...mount, seed }));
    byName.set(name, cache);
    caches.set(mount, cache);
  }
  return caches;
}

async function seedOf(
  step: Step<RunOperation>,
  opened: OpenResults,
  input: number,
  source: string,
): Promise<CacheMountSeed> {
  const tree = await opened.tree(inputOf(step, input));
  return {
    identity: tree.digest,
    async *read(context: Context) {
      const path = await followLinks(context, tree, fromText(source));
      const entry = await tree.stat(context, path);
      if (entry?.header.type !== 'directory') throw missingSource(step.vertex, input, source);
      yield* tree.read(context, path, () => true);
    },
  };
}

function cacheMount(mount: Mount<'cache'>, caches: Caches): SandboxMount[] {
  const { target, readOnly } = mount;
  const source = caches.get(mount)?.path;
  return source === undefined ? [] : [{ type: 'bind', source, target, readOnly }];
}

async function secretMount(
  { surroundings }: Step<RunOperation>,
  { id, target, env, required, mode, uid, gid }: Mount<'secret'>,
): Promise<{ readonly mounts: readonly SandboxMount[]; readonly env: readonly string[] }> {
  const content = await surroundings.secrets(id);
  if (content === undefined) {
    if (required) throw notFound(`secret ${id}: not found`);
    return { mounts: [], env: [] };
  }
  if (content.length > MAX_SECRET_BYTES) {
    throw invalid(`secret ${id} is too large: ${content.length} bytes, of at most ${MAX_SECRET_BYTES}`);
  }
  const text = env === '' ? [] : [`${env}=${Buffer.from(content).toString()}`];
  const file = { type: 'content', target, content, mode, uid, gid } as const;
  return { mounts: target === '' ? [] : [file], env: text };
}

async function agentMount(
  { directory }: RunStepParts,
  { surroundings }: Step<RunOperation>,
  { id, target, required, mode, uid, gid }: Mount<'ssh'>,
  held: AsyncDisposableStack,
): Promise<SandboxMount[]> {
  const agent = await surroundings.ssh(id);
  if (agent === undefined) {
    if (required) throw notFound(`unset ssh forward key ${id}`);
    return [];
  }
  const socket = held.use(await openAgentSocket({ directory, agent, mode, uid, gid }));
  return [{ type: 'bind', source: socket.path, target, readOnly: true }];
}
