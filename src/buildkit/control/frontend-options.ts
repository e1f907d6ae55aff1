import { invalid, SampanError } from '../../base/errors.ts';
import type { BuildRequest } from '../../build/contract.ts';
import type { Platform } from '../../oci/image.ts';
import { hostPlatform, parsePlatform } from '../../oci/platform.ts';
import type { FrontendSolveRequest } from '../protobuf/control-messages.ts';
import type { Value } from '../protobuf/message.ts';
import { remoteOf } from './remote-definition.ts';

/** What clients say to the front end `dockerfile.v0`. */
export type FrontendAttributes = Readonly<Record<string, string>>;

export type FrontendInputs = Value<typeof FrontendSolveRequest>['inputs'];

/** Where files come from. */
export interface FrontendSources {
  /** Path of the Dockerfile. */
  readonly filename: string;
  /** What the daemon fetches; undefined for a directory of the client's. */
  readonly remote: string | undefined;
  /** The client's names of its directories. */
  readonly contextName: string;
  readonly dockerfileName: string;
  /** Further contexts: where each is. */
  readonly named: Readonly<Record<string, string>>;
}

/** What of a build request can be said without the client's files and services. */
export type FrontendOptions = Pick<
  BuildRequest,
  | 'target'
  | 'args'
  | 'labels'
  | 'platforms'
  | 'noCache'
  | 'pull'
  | 'network'
  | 'extraHosts'
  | 'limits'
  | 'sourceDate'
>;

const IMAGES_OF_OURS = /(?:^|\/)docker\/dockerfile(?:-upstream)?(?:[:@]|$)/;

/** Fails where something else than a Dockerfile is to be built. */
export function checkFrontend(frontend: string, attributes: FrontendAttributes): void {
  if (frontend === 'dockerfile.v0') return;
  const source = attributes['source'] ?? '';
  const isImage = frontend === 'gateway.v0';
  if (isImage && IMAGES_OF_OURS.test(source)) return;
  const what = isImage ? `syntax ${JSON.stringify(source)}` : `front end ${JSON.stringify(frontend)}`;
  throw new SampanError(
    'unimplemented',
    `the ${what} is not supported: only docker/dockerfile is, which is built in`,
  );
}

/** `inputs`: what the client hands over as definitions, "context" for the main context. */
export function frontendSources(
  attributes: FrontendAttributes,
  inputs: FrontendInputs = {},
): FrontendSources {
  const { context } = inputs;
  return {
    filename: attributes['filename'] || 'Dockerfile',
    remote:
      context === undefined
        ? remoteAddress(attributes['input:context'] ?? attributes['context'])
        : remoteOf(context),
    contextName: attributes['contextkey'] || 'context',
    dockerfileName: attributes['dockerfilekey'] || 'dockerfile',
    named: withPrefix(attributes, 'context:'),
  };
}

function remoteAddress(context: string | undefined): string | undefined {
  return context !== undefined && /^(?:https?:\/\/|git:\/\/|ssh:\/\/|git@|github\.com\/)/.test(context)
    ? context
    : undefined;
}

/** Fails with `invalid-argument`. */
export function frontendOptions(attributes: FrontendAttributes): FrontendOptions {
  const args = withPrefix(attributes, 'build-arg:');
  return {
    args,
    labels: withPrefix(attributes, 'label:'),
    target: attributes['target'] ?? '',
    platforms: platforms(attributes['platform'] ?? ''),
    noCache: noCache(attributes['no-cache']),
    pull: attributes['image-resolve-mode'] === 'pull',
    network: network(attributes['force-network-mode'] ?? ''),
    extraHosts: words(attributes['add-hosts']).map((entry) => entry.replace('=', ':')),
    limits: limits(attributes),
    sourceDate: date(args['SOURCE_DATE_EPOCH'] ?? attributes['source-date-epoch']),
  };
}

function withPrefix(attributes: FrontendAttributes, prefix: string): Record<string, string> {
  const entries = Object.entries(attributes).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}

function platforms(text: string): readonly Platform[] {
  const names = words(text);
  return names.length === 0 ? [hostPlatform()] : names.map(parsePlatform);
}

/** Given without stages it is for all of them. */
function noCache(text: string | undefined): BuildRequest['noCache'] {
  if (text === undefined) return false;
  const stages = words(text);
  return stages.length === 0 ? true : stages;
}

function network(text: string): string {
  if (['', 'default', 'sandbox'].includes(text)) return '';
  if (text === 'host' || text === 'none') return text;
  throw invalid(`invalid network mode ${JSON.stringify(text)}`);
}

function limits(attributes: FrontendAttributes): BuildRequest['limits'] {
  const count = (name: string): number => integer(name, attributes[name]);
  return {
    cgroupParent: attributes['cgroup-parent'] ?? '',
    memory: count('memory'),
    memorySwap: count('memswap'),
    cpuShares: count('cpushares'),
    cpuPeriod: count('cpuperiod'),
    cpuQuota: count('cpuquota'),
    cpusetCpus: attributes['cpusetcpus'] ?? '',
    cpusetMems: attributes['cpusetmems'] ?? '',
    shmSize: count('shm-size'),
    ulimits: words(attributes['ulimit']).map(ulimit),
  };
}

/** "nofile=1024:2048" */
function ulimit(text: string): BuildRequest['limits']['ulimits'][number] {
  const [, name, soft, hard] = /^(\w+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  if (name === undefined || soft === undefined) throw invalid(`invalid ulimit ${JSON.stringify(text)}`);
  return { name, soft: Number(soft), hard: Number(hard ?? soft) };
}

function integer(name: string, text = '0'): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw invalid(`invalid ${name}: ${JSON.stringify(text)}`);
  return value;
}

function date(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,12}$/.test(text)) throw invalid(`invalid SOURCE_DATE_EPOCH: ${text}`);
  return Number(text);
}

function words(text = ''): readonly string[] {
  return text.split(',').filter((word) => word !== '');
}
