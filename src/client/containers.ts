import type { ContainerUpdateRequest, ContainerUpdateResponse } from '../wire/container-changes.ts';
import type { ContainerCreateRequest } from '../wire/container-config.ts';
import type {
  ContainerCreateResponse,
  ContainerInspect,
  ContainerPruneResponse,
  ContainerSummary,
  ContainerTopResponse,
  ContainerWaitResponse,
} from '../wire/container-types.ts';
import type { ReachedPort } from '../wire/network-types.ts';
import type { TypeOf } from '../wire/schema.ts';
import type { Stats } from '../wire/stats-types.ts';
import { compareVersions } from '../wire/versions.ts';
import type { Client, Hijacked } from './client.ts';
import { escapePath, type Query } from './query.ts';

/** Filters in Docker's form: `{"label":{"a=b":true}}`. */
export type Filters = Readonly<Record<string, Readonly<Record<string, boolean>>>>;

const at = (id: string, rest = ''): string => `/containers/${escapePath(id)}${rest}`;

export interface CreateOptions {
  readonly name?: string | undefined;
  /** `os[/arch[/variant]]` */
  readonly platform?: string | undefined;
}

/** A create body: what is left out has Docker's default. */
export type CreateBody = Partial<TypeOf<typeof ContainerCreateRequest>> & { readonly Image: string };

/** From then on, MAC addresses belong to endpoints. */
const ENDPOINT_ADDRESS_VERSION = '1.44';

export async function createContainer(
  client: Client,
  body: CreateBody,
  options: CreateOptions = {},
): Promise<TypeOf<typeof ContainerCreateResponse>> {
  const { MacAddress, ...rest } = body;
  const isOld = compareVersions(await client.version(), ENDPOINT_ADDRESS_VERSION) < 0;
  return client.json('POST', '/containers/create', {
    query: { name: options.name, platform: options.platform },
    json: isOld && MacAddress !== undefined ? { ...rest, MacAddress } : rest,
  });
}

export interface ListOptions {
  readonly all?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly size?: boolean | undefined;
  readonly filters?: Filters | undefined;
}

export function listContainers(client: Client, options: ListOptions = {}): Promise<ContainerSummary[]> {
  const { all, limit, size, filters } = options;
  return client.json('GET', '/containers/json', {
    query: { all, limit: limit !== undefined && limit > 0 ? limit : undefined, size, filters },
  });
}

export function inspectContainer(client: Client, id: string): Promise<ContainerInspect> {
  return client.json('GET', at(id, '/json'));
}

/** The answer's text, for those who show it as it came. */
export function inspectContainerText(client: Client, id: string, size: boolean): Promise<string> {
  return client.text('GET', at(id, '/json'), { query: { size } });
}

export interface StartOptions {
  readonly checkpoint?: string | undefined;
  readonly checkpointDir?: string | undefined;
}

export function startContainer(client: Client, id: string, options: StartOptions = {}): Promise<void> {
  return client.send('POST', at(id, '/start'), {
    query: { checkpoint: options.checkpoint, 'checkpoint-dir': options.checkpointDir },
  });
}

export interface StopOptions {
  readonly signal?: string | undefined;
  /** Seconds before SIGKILL; negative waits for ever. */
  readonly timeout?: number | undefined;
}

export function stopContainer(client: Client, id: string, options: StopOptions = {}): Promise<void> {
  return client.send('POST', at(id, '/stop'), { query: { signal: options.signal, t: options.timeout } });
}

export function restartContainer(client: Client, id: string, options: StopOptions = {}): Promise<void> {
  return client.send('POST', at(id, '/restart'), { query: { signal: options.signal, t: options.timeout } });
}

export function killContainer(client: Client, id: string, signal?: string): Promise<void> {
  return client.send('POST', at(id, '/kill'), { query: { signal } });
}

export function pauseContainer(client: Client, id: string): Promise<void> {
  return client.send('POST', at(id, '/pause'));
}

export function unpauseContainer(client: Client, id: string): Promise<void> {
  return client.send('POST', at(id, '/unpause'));
}

export function renameContainer(client: Client, id: string, name: string): Promise<void> {
  return client.send('POST', at(id, '/rename'), { query: { name } });
}

export interface RemoveOptions {
  readonly volumes?: boolean | undefined;
  readonly link?: boolean | undefined;
  readonly force?: boolean | undefined;
}

export function removeContainer(client: Client, id: string, options: RemoveOptions = {}): Promise<void> {
  return client.send('DELETE', at(id), {
    query: { v: options.volumes, link: options.link, force: options.force },
  });
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

/**
 * Resolves when the daemon has begun to wait: what happens from then on is not missed. `exited` settles when the condition is met.
 */
export async function waitContainer(
  client: Client,
  id: string,
  condition?: WaitCondition,
  signal?: AbortSignal,
): Promise<{ readonly exited: Promise<TypeOf<typeof ContainerWaitResponse>> }> {
  const { body } = await client.request('POST', at(id, '/wait'), { query: { condition }, signal });
  const exited = readJson<TypeOf<typeof ContainerWaitResponse>>(body);
  exited.catch(() => {});
  return { exited };
}

async function readJson<T>(body: AsyncIterable<Uint8Array>): Promise<T> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
  return JSON.parse(text) as T;
}

export interface AttachOptions {
  readonly stdin?: boolean | undefined;
  readonly stdout?: boolean | undefined;
  readonly stderr?: boolean | undefined;
  /** Output from the start on, out of the log. */
  readonly logs?: boolean | undefined;
  readonly stream?: boolean | undefined;
  readonly detachKeys?: string | undefined;
}

export function attachContainer(client: Client, id: string, options: AttachOptions): Promise<Hijacked> {
  const { detachKeys, ...streams } = options;
  return client.hijack(at(id, '/attach'), {
    query: { ...streams, detachKeys },
    headers: { 'Content-Type': 'text/plain' },
  });
}

export interface LogOptions {
  readonly follow?: boolean | undefined;
  readonly stdout?: boolean | undefined;
  readonly stderr?: boolean | undefined;
  /** Seconds since the epoch, with fraction. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly timestamps?: boolean | undefined;
  readonly details?: boolean | undefined;
  readonly tail?: string | undefined;
}

/** Raw bytes for a container with a terminal, frames (see demultiplex) otherwise. */
export async function containerLogs(
  client: Client,
  id: string,
  options: LogOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await client.request('GET', at(id, '/logs'), { query: { ...options } });
  return body;
}

export function topContainer(
  client: Client,
  id: string,
  psArguments: readonly string[],
): Promise<TypeOf<typeof ContainerTopResponse>> {
  return client.json('GET', at(id, '/top'), { query: { ps_args: psArguments.join(' ') } });
}

export function containerStats(
  client: Client,
  id: string,
  stream: boolean,
  signal?: AbortSignal,
): Promise<AsyncIterable<TypeOf<typeof Stats>>> {
  return client.values('GET', at(id, '/stats'), { query: { stream: stream ? '1' : '0' }, signal });
}

export function updateContainer(
  client: Client,
  id: string,
  body: ContainerUpdateRequest,
): Promise<ContainerUpdateResponse> {
  return client.json('POST', at(id, '/update'), { json: body });
}

export function resizeContainer(client: Client, id: string, height: number, width: number): Promise<void> {
  return client.send('POST', at(id, '/resize'), { query: { h: height, w: width } });
}

export function pruneContainers(
  client: Client,
  filters: Filters,
): Promise<TypeOf<typeof ContainerPruneResponse>> {
  return client.json('POST', '/containers/prune', { query: pruneQuery(filters) });
}

function pruneQuery(filters: Filters): Query {
  return Object.keys(filters).length === 0 ? {} : { filters };
}

/** Its published ports, and whether other hosts get to them. Docker's daemon does not know. */
export async function containerPorts(client: Client, id: string): Promise<ReachedPort[]> {
  return (await client.json<ReachedPort[] | null>('GET', at(id, '/ports'))) ?? [];
}
