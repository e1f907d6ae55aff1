import type { Query } from '../../client/query.ts';
import { EVENTS } from '../../wire/build-messages.ts';
import { cut } from '../flag-types.ts';
import { proxyEnvironment } from '../proxy-environment.ts';
import type { Session } from '../session.ts';
import { cacheImages } from './cache-flags.ts';
import type { CacheTransfers } from './cache-transfers.ts';
import type { Question } from './call-flag.ts';
import type { BuildOptions } from './flags.ts';
import type { Outputs } from './outputs.ts';

/** What a build is asked for beside the flags that are sent as they are. */
export interface QueryFacts {
  readonly dockerfile: string;
  readonly remote: string | undefined;
  /** Names of the image. */
  readonly names: readonly string[];
  /** Whether it is to be in the store, by them. */
  readonly keepsImage: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  readonly attestations: Readonly<Record<string, string>>;
  readonly outputs: Pick<Outputs, 'compression'>;
  /** The build's own. */
  readonly id: string;
  /** By name, in the form that the daemon takes. */
  readonly contexts: Readonly<Record<string, string>>;
  readonly agents: Readonly<Record<string, string>>;
  /** Caches elsewhere. */
  readonly caches: Pick<CacheTransfers, 'imports' | 'exports'>;
  /** Whether a failed step is to be kept for a shell in it. */
  readonly debug: boolean;
  /** What is asked instead of a build. */
  readonly question: Question | undefined;
  /** Whether the daemon is to speak in events. */
  readonly events: boolean;
}

/** The query of `POST /build`. Throws CommandError. */
export function buildQuery(options: BuildOptions, facts: QueryFacts, session: Session): Query {
  const common = {
    version: '1',
    t: facts.keepsImage ? facts.names : [],
    dockerfile: facts.dockerfile,
    remote: facts.remote,
    target: options.target,
    buildargs: orNothing(buildArguments(options, facts.events, session)),
    labels: orNothing(Object.fromEntries(options.label.map((label) => cut(label, '=')))),
    nocache: options['no-cache'],
    pull: options.pull,
    rm: options.rm ? undefined : '0',
    forcerm: options['force-rm'],
    squash: options.squash,
    isolation: options.isolation,
    securityopt: options['security-opt'],
    platform: platformsOf(options, session).join(','),
    networkmode: options.network === 'default' ? undefined : options.network,
    extrahosts: options['add-host'],
    ...limits(options),
  };
  if (!facts.events) {
    return { ...common, q: options.quiet, cachefrom: jsonList(cacheImages(options['cache-from'])) };
  }
  return {
    ...common,
    progress: EVENTS,
    buildid: facts.id,
    statementnames: facts.keepsImage ? '' : jsonList(facts.names),
    attestations: orNothing(facts.attestations),
    annotations: orNothing(facts.annotations),
    compression: facts.outputs.compression,
    cacheimports: jsonList(facts.caches.imports),
    cacheexports: jsonList(facts.caches.exports),
    call: facts.question?.name,
    debug: facts.debug,
    nocachefilter: jsonList(options['no-cache-filter'].flatMap((names) => names.split(','))),
    entitlements: jsonList(options.allow),
    contexts: orNothing(facts.contexts),
    ssh: orNothing(facts.agents),
  };
}

/** Those that are asked for, several of them in one value or in several. */
function platformsOf({ platform }: Pick<BuildOptions, 'platform'>, { io }: Session): string[] {
  const given = platform.length > 0 ? platform : [io.environment['DOCKER_DEFAULT_PLATFORM'] ?? ''];
  return given
    .flatMap((value) => value.split(','))
    .map((one) => one.trim().toLowerCase())
    .filter((one) => one !== '');
}

function limits(options: BuildOptions): Query {
  const ulimits = Object.values(options.ulimit).sort((left, right) => (left.Name < right.Name ? -1 : 1));
  return {
    memory: orNone(options.memory),
    memswap: orNone(options['memory-swap']),
    cpushares: orNone(options['cpu-shares']),
    cpuperiod: orNone(options['cpu-period']),
    cpuquota: orNone(options['cpu-quota']),
    cpusetcpus: options['cpuset-cpus'],
    cpusetmems: options['cpuset-mems'],
    cgroupparent: options['cgroup-parent'],
    shmsize: orNone(options['shm-size']),
    ulimits: jsonList(ulimits.map(({ Name, Hard, Soft }) => ({ Name, Hard, Soft }))),
  };
}

/** Arguments without a value are null: the daemon leaves them unset. */
function buildArguments(
  options: BuildOptions,
  events: boolean,
  session: Session,
): Record<string, string | null> {
  const given = options['build-arg'];
  const pairs = [...proxyEnvironment(session, given), ...given];
  const named = Object.fromEntries(
    pairs.map((pair) => [cut(pair, '=')[0], pair.includes('=') ? cut(pair, '=')[1] : null]),
  );
  if (!events) return named;
  const epoch = session.io.environment['SOURCE_DATE_EPOCH'] ?? '';
  return {
    ...(epoch === '' ? {} : { SOURCE_DATE_EPOCH: epoch }),
    ...named,
  };
}

const orNone = (value: number): number | undefined => (value === 0 ? undefined : value);
const jsonList = (values: readonly unknown[]): string => (values.length === 0 ? '' : JSON.stringify(values));

function orNothing<T>(values: Readonly<Record<string, T>>): Readonly<Record<string, T>> | undefined {
  return Object.keys(values).length === 0 ? undefined : values;
}
