import { isIP } from 'node:net';
import { invalid } from '../../base/errors.ts';
import type { PublishedPort } from '../../network/contract.ts';
import type { ContainerChanges } from '../../wire/container-changes.ts';
import type { HostConfig, PortBinding } from '../../wire/container-config.ts';
import { checkPortBindings, parsePortRange } from '../create/check-ports.ts';
import { joinedContainer } from '../record.ts';
import type { Draft } from './draft.ts';

type Bindings = Record<string, PortBinding[]>;

/** How many bindings one container may be asked to have, each a port of IPv4 and one of IPv6: what fits into the plan of a start. */
const BINDINGS_MAX = 2000;

/**
 * The ports that an update publishes and those that it no longer does. Returns which of `live`, those that are open now, are meant to go: of ports
 * that were chosen, bindings do not tell. Fails with `invalid-argument`.
 */
export function draftPorts(
  draft: Draft,
  changes: ContainerChanges,
  live: readonly PublishedPort[],
): readonly PublishedPort[] {
  const { PublishAdd: added, PublishRemove: removed } = changes;
  if (!added && !removed) return [];
  const bindings = copyBindings(draft.hostConfig.PortBindings);
  const going: PublishedPort[] = [];
  checkPorts(removed ?? null);
  checkPorts(added ?? null);
  if (removed && draft.hostConfig.PublishAllPorts) spellOutExposed(draft, bindings);
  const open = Map.groupBy(live, (port) => `${port.containerPort}/${port.protocol}`);
  for (const [spec, wanted] of each(removed)) {
    for (const pattern of wanted.length === 0 ? [anyBinding] : wanted) {
      going.push(...removeBindings(draft, bindings, spec, pattern, open.get(spec) ?? []));
    }
  }
  if (added && Object.keys(added).length > 0) addBindings(draft, bindings, added);
  const count = Object.values(bindings).reduce((sum, list) => sum + list.length, 0);
  if (count > BINDINGS_MAX) throw invalid(`a container publishes at most ${BINDINGS_MAX} ports`);
  draft.hostConfig = { ...draft.hostConfig, PortBindings: bindings };
  return going;
}

function checkPorts(ports: HostConfig['PortBindings']): void {
  checkPortBindings(ports);
  for (const [spec, list] of Object.entries(ports ?? {})) {
    if (!/^\d+(\/|$)/.test(spec))
      throw invalid(`invalid port specification: "${spec}" is more than one port`);
    for (const { HostIp } of list ?? []) {
      if (HostIp !== '' && isIP(HostIp) === 0) throw invalid(`invalid IP address: ${HostIp}`);
    }
  }
}

const anyBinding: PortBinding = { HostIp: '', HostPort: '' };

function each(ports: HostConfig['PortBindings'] | undefined): [string, readonly PortBinding[]][] {
  return Object.entries(ports ?? {}).map(([spec, list]) => [withProtocol(spec), list ?? []]);
}

function withProtocol(spec: string): string {
  return spec.includes('/') ? spec : `${spec}/tcp`;
}

function copyBindings(known: HostConfig['PortBindings']): Bindings {
  const bindings: Bindings = {};
  for (const [spec, list] of each(known)) bindings[spec] = [...(bindings[spec] ?? []), ...list];
  return bindings;
}

/** With `--publish-all`, what is exposed is published without a binding, so that none of it could be removed. */
function spellOutExposed(draft: Draft, bindings: Bindings): void {
  for (const spec of Object.keys(draft.config.ExposedPorts ?? {}).map(withProtocol)) {
    if (!bindings[spec]?.length) bindings[spec] = [anyBinding];
  }
  draft.hostConfig = { ...draft.hostConfig, PublishAllPorts: false };
}

function addBindings(draft: Draft, bindings: Bindings, added: NonNullable<HostConfig['PortBindings']>): void {
  const mode = draft.hostConfig.NetworkMode;
  if (joinedContainer(mode) !== undefined) {
    throw invalid('conflicting options: port publishing and the container type network mode');
  }
  if (mode === 'host') {
    draft.warnings.push('Published ports are discarded when using host network mode');
  } else if (draft.running && draft.gateway === undefined) {
    draft.warnings.push(`Container ${draft.name} is in no network by which ports are published`);
  }
  const exposed = { ...draft.config.ExposedPorts };
  for (const [spec, list] of each(added)) {
    exposed[spec] ??= {};
    for (const binding of list.length === 0 ? [anyBinding] : list) {
      if (bindings[spec]?.some((known) => isSame(known, binding) && !isChosen(binding))) {
        throw invalid(`container ${draft.name} publishes ${nameOf(spec, binding)} already`);
      }
      bindings[spec] = [...(bindings[spec] ?? []), binding];
      notePort(draft, nameOf(spec, binding), false);
    }
  }
  draft.config = { ...draft.config, ExposedPorts: exposed };
}

function notePort(draft: Draft, name: string, removed: boolean): void {
  draft.note(draft.gateway === undefined ? 'next start' : 'what runs', 'publish', name, removed);
}

function removeBindings(
  draft: Draft,
  bindings: Bindings,
  spec: string,
  pattern: PortBinding,
  open: readonly PublishedPort[],
): readonly PublishedPort[] {
  const known = bindings[spec] ?? [];
  const exactly = known.filter((binding) => isMeant(binding, pattern));
  const meant =
    exactly.length > 0 ? exactly : known.filter((one) => isChosenFor(one, pattern, open)).slice(0, 1);
  if (meant.length === 0) {
    throw invalid(`container ${draft.name} does not publish ${nameOf(spec, pattern)}`);
  }
  const left = known.filter((binding) => !meant.includes(binding));
  if (left.length > 0) bindings[spec] = left;
  else delete bindings[spec];
  for (const binding of meant) notePort(draft, nameOf(spec, binding), true);
  const wanted = Number(pattern.HostPort);
  return wanted > 0 ? open.filter(({ hostPort }) => hostPort === wanted) : [];
}

function isMeant(binding: PortBinding, { HostIp, HostPort }: PortBinding): boolean {
  return (HostIp === '' || HostIp === binding.HostIp) && (HostPort === '' || HostPort === binding.HostPort);
}

/** The binding left a choice, and the port that is meant was chosen. */
function isChosenFor(binding: PortBinding, pattern: PortBinding, open: readonly PublishedPort[]): boolean {
  const port = Number(pattern.HostPort);
  const range = parsePortRange(binding.HostPort);
  const fits = range === undefined || range.first === 0 || (port >= range.first && port <= range.last);
  const sameAddress = pattern.HostIp === '' || pattern.HostIp === binding.HostIp;
  return isChosen(binding) && fits && sameAddress && open.some(({ hostPort }) => hostPort === port);
}

function isChosen({ HostPort }: PortBinding): boolean {
  const range = parsePortRange(HostPort);
  return range === undefined || range.first === 0 || range.first !== range.last;
}

function isSame(a: PortBinding, b: PortBinding): boolean {
  return a.HostIp === b.HostIp && a.HostPort === b.HostPort;
}

/** "127.0.0.1:8080:80/tcp", "80/tcp". */
function nameOf(spec: string, { HostIp, HostPort }: PortBinding): string {
  const address = HostIp.includes(':') ? `[${HostIp}]` : HostIp;
  return [
    ...(address === '' ? [] : [address]),
    ...(HostPort === '' && address === '' ? [] : [HostPort]),
    spec,
  ].join(':');
}
