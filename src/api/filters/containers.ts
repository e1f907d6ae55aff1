import { invalid } from '../../base/errors.ts';
import type { Container } from '../../containers/contract.ts';
import type { Engine } from '../../engine/contract.ts';
import type { Image } from '../../images/contract.ts';
import type { Filters } from '../../wire/query.ts';
import { ZERO_TIME } from '../../wire/times.ts';
import { isRunning } from '../render/container-state.ts';
import { portMap } from '../render/network-settings.ts';
import { equalsText, flagFilter, matchesLabels, matchesText, singleValue } from './match.ts';
import { type PortSet, parsePorts } from './ports.ts';

export interface ListQuery {
  readonly all: boolean;
  readonly limit: number | undefined;
  readonly since: string;
  readonly before: string;
  readonly filters: Filters;
}

const healthStates = ['none', 'starting', 'healthy', 'unhealthy'];
const states = ['created', 'restarting', 'running', 'removing', 'paused', 'exited', 'dead'];

/** What a list shows: newest first. Fails with `invalid-argument` for values that make no sense, `not-found` for since and before. */
export function selectContainers(engine: Engine, query: ListQuery): Container[] {
  const { filters } = query;
  const limit = query.limit === undefined || query.limit <= 0 ? undefined : query.limit;
  const all = query.all || limit !== undefined || (filters['status'] ?? []).length > 0;
  const keep = containerFilter(engine, filters);
  const newest = newestContainers(engine);
  const before = positionOf(engine, newest, query.before || singleValue(filters, 'before'));
  const since = positionOf(engine, newest, query.since || singleValue(filters, 'since'));
  return newest
    .slice(before === undefined ? 0 : before + 1, since)
    .filter((container) => (all || isRunning(container.state)) && keep(container))
    .slice(0, limit);
}

/** All, newest first. */
export function newestContainers(engine: Engine): Container[] {
  return [...engine.containers.list()].sort(newestFirst);
}

function newestFirst(left: Container, right: Container): number {
  if (left.createdNano === right.createdNano) return 0;
  return left.createdNano < right.createdNano ? 1 : -1;
}

function positionOf(
  engine: Engine,
  sorted: readonly Container[],
  reference: string | undefined,
): number | undefined {
  if (reference === undefined || reference === '') return undefined;
  const { id } = engine.containers.get(reference);
  return sorted.findIndex((container) => container.id === id);
}

type Keep = (container: Container) => boolean;

function containerFilter(engine: Engine, filters: Filters): Keep {
  const conditions: Keep[] = [
    ({ name }) => matchesText(filters, 'name', name, `/${name}`),
    ({ id }) => matchesText(filters, 'id', id),
    ({ config }) => matchesLabels(filters, config.Labels),
    statusCondition(filters),
    exitCondition(filters),
    () => flagFilter(filters, 'is-task') !== true,
    () => equalsText(filters, 'isolation', 'default', ''),
    healthCondition(filters),
    ({ mounts }) => equalsText(filters, 'volume', ...mounts.flatMap((m) => [m.name ?? '', m.destination])),
    ...ancestorCondition(engine, filters),
    ...networkCondition(filters),
    ...portCondition(filters, 'publish', publishedPorts),
    ...portCondition(filters, 'expose', exposedPorts),
  ];
  return (container) => conditions.every((holds) => holds(container));
}

function statusCondition(filters: Filters): Keep {
  for (const status of filters['status'] ?? []) {
    if (!states.includes(status)) throw invalid(`invalid filter 'status=${status}'`);
  }
  return ({ state }) => equalsText(filters, 'status', state.status);
}

function healthCondition(filters: Filters): Keep {
  for (const health of filters['health'] ?? []) {
    if (!healthStates.includes(health)) throw invalid(`invalid filter 'health=${health}'`);
  }
  return ({ state }) => equalsText(filters, 'health', state.health?.status ?? 'none');
}

function exitCondition(filters: Filters): Keep {
  const codes = (filters['exited'] ?? []).map((text) => {
    if (!/^-?\d{1,9}$/.test(text)) throw invalid(`invalid filter 'exited=${text}'`);
    return Number(text);
  });
  if (codes.length === 0) return () => true;
  return ({ state }) => !isRunning(state) && state.startedAt !== ZERO_TIME && codes.includes(state.exitCode);
}

/** Made from one of the images, or from one that was built on it. */
function ancestorCondition(engine: Engine, filters: Filters): Keep[] {
  const names = filters['ancestor'];
  if (names === undefined || names.length === 0) return [];
  const images = engine.images.list();
  const wanted = new Set<string>();
  for (const name of names) {
    const image = engine.images.find(name);
    if (image === undefined) continue;
    addDescendants(image, images, wanted);
    // A name means all the platforms that it stands for.
    for (const other of images) if (other.listedAs === image.id) addDescendants(other, images, wanted);
  }
  return [({ imageId }) => wanted.has(imageId)];
}

function addDescendants(image: Image, images: readonly Image[], found: Set<string>): void {
  if (found.has(image.id)) return;
  found.add(image.id);
  for (const child of images) if (child.parent === image.id) addDescendants(child, images, found);
}

function networkCondition(filters: Filters): Keep[] {
  const wanted = filters['network'];
  if (wanted === undefined || wanted.length === 0) return [];
  return [
    ({ networks }) =>
      wanted.some(
        (value) =>
          Object.hasOwn(networks, value) ||
          Object.values(networks).some(({ networkId }) => value !== '' && networkId.startsWith(value)),
      ),
  ];
}

function portCondition(filters: Filters, name: string, portsOf: (container: Container) => string[]): Keep[] {
  const values = filters[name];
  if (values === undefined || values.length === 0) return [];
  const wanted: PortSet[] = values.map((value) => parsePorts(value, name));
  return [(container) => portsOf(container).some((port) => wanted.some((set) => set(port)))];
}

/** The host's ports, as Docker means it. */
function publishedPorts(container: Container): string[] {
  return Object.entries(portMap(container)).flatMap(([port, bindings]) => {
    const [, protocol = 'tcp'] = port.split('/');
    return (bindings ?? []).map(({ HostPort }) => `${HostPort}/${protocol}`);
  });
}

function exposedPorts(container: Container): string[] {
  return [...Object.keys(container.config.ExposedPorts ?? {}), ...Object.keys(portMap(container))];
}
