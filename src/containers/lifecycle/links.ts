import { conflict, invalid, isCode, messageOf, notFound, SampanError } from '../../base/errors.ts';
import type { LinkedPort } from '../../network/contract.ts';
import type { HostsEntry } from '../../network/hosts-file.ts';
import type { HostConfig } from '../../wire/container-config.ts';
import type { Container } from '../contract.ts';
import type { Parts } from '../parts.ts';
import { type Entry, isRunning } from '../record.ts';
import type { Registry } from '../registry.ts';

/**
 * Links of the default bridge: a container knows others by an alias, in its hosts file and its environment. Kept in
 * `HostConfig.Links` as "ID:alias"; shown as "/name:/own-name/alias". Links of other networks are the networks' affair.
 */
interface Link {
  readonly id: string;
  readonly alias: string;
}

function linksOf({ hostConfig }: Pick<Container, 'hostConfig'>): readonly Link[] {
  return (hostConfig.Links ?? []).map((text) => {
    const [id = '', alias = ''] = text.split(':', 2);
    return { id, alias };
  });
}

/** Turns what was asked for, "name:alias" or "name", into what is kept. Fails in Docker's words when a container is missing. */
export function resolveLinks(registry: Registry, hostConfig: HostConfig): HostConfig {
  const asked = hostConfig.Links ?? [];
  if (asked.length === 0) return hostConfig;
  // On a network of its own a container has aliases instead.
  if (hostConfig.NetworkMode !== 'bridge') return { ...hostConfig, Links: null };
  const links = asked.map((text) => {
    const { name, alias } = parseLink(text);
    return `${findLinked(registry, name).id}:${alias}`;
  });
  return { ...hostConfig, Links: [...new Set(links)] };
}

/** "name", "name:alias", and the "/name:/own/alias" of an inspected container. */
function parseLink(text: string): { name: string; alias: string } {
  const parts = text.split(':');
  const [name = '', given = name] = parts;
  if (text === '') throw invalid('empty string specified for links');
  if (parts.length > 2 || name === '' || given === '') throw invalid(`bad format for links: ${text}`);
  const bare = given.startsWith('/') ? given.slice(given.lastIndexOf('/') + 1) : given;
  return { name, alias: bare };
}

function findLinked(registry: Registry, name: string): Entry {
  try {
    const entry = registry.get(name);
    if (entry.container.hostConfig.NetworkMode === 'host') {
      throw invalid(
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      );
    }
    return entry;
  } catch (error) {
    if (!isCode(error, 'not-found')) throw error;
    throw invalid(`could not get container for ${name}: ${messageOf(error)}`, { cause: error });
  }
}

/** Who a container is linked to, as far as they are still there. */
function linkedEntries(parts: Pick<Parts, 'registry'>, entry: Entry): { alias: string; linked: Entry }[] {
  return linksOf(entry.container).flatMap(({ id, alias }) => {
    const linked = parts.registry.find(id);
    return linked === undefined ? [] : [{ alias, linked }];
  });
}

/** Fails in Docker's words when a linked container does not run. */
export function checkLinks(parts: Pick<Parts, 'registry'>, entry: Entry): void {
  for (const { alias, linked } of linkedEntries(parts, entry)) {
    if (isRunning(linked)) continue;
    throw new SampanError(
      'conflict',
      `Cannot link to a non running container: /${linked.container.name} AS /${entry.container.name}/${alias}`,
    );
  }
}

/** Lines of the hosts file. */
export function linkedHosts(parts: Pick<Parts, 'registry'>, entry: Entry): HostsEntry[] {
  return linkedEntries(parts, entry).flatMap(({ alias, linked }) => {
    const { name, config } = linked.container;
    const address = addressOf(linked.container);
    const names = [...new Set([alias, config.Hostname, name])].filter((text) => text !== '');
    return address === '' ? [] : [{ address, names: names.join(' ') }];
  });
}

/** What a container may reach of those that it is linked to, whatever the default bridge lets others do: the ports that they expose. */
export function linkedPorts(parts: Pick<Parts, 'registry'>, entry: Entry): readonly LinkedPort[] {
  const ports = linkedEntries(parts, entry).flatMap(({ linked: { container } }) => {
    const address = addressOf(container);
    const exposed = Object.keys(container.config.ExposedPorts ?? {});
    return address === '' ? [] : exposed.map((spec) => `${address} ${spec}`);
  });
  return [...new Set(ports)].map((text) => {
    const [, address = '', port = '', protocol = 'tcp'] = /^(\S+) (\d+)(?:\/(\w+))?$/.exec(text) ?? [];
    return { address, port: Number(port), protocol: protocol as LinkedPort['protocol'] };
  });
}

/** Variables that tell where linked containers are, and what their own variables are. */
export function linkEnvironment(parts: Pick<Parts, 'registry'>, entry: Entry): string[] {
  return linkedEntries(parts, entry).flatMap(({ alias, linked }) =>
    variablesOf(entry.container.name, alias, linked.container),
  );
}

function variablesOf(owner: string, alias: string, linked: Container): string[] {
  const prefix = alias.toUpperCase().replaceAll('-', '_');
  const address = addressOf(linked);
  const ports = Object.keys(linked.config.ExposedPorts ?? {})
    .map((spec) => {
      const [port = '', protocol = 'tcp'] = spec.split('/');
      return { port: Number(port), protocol };
    })
    .sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
  const [first] = ports.toSorted((a, b) => Number(b.protocol === 'tcp') - Number(a.protocol === 'tcp'));
  const urlOf = ({ port, protocol }: (typeof ports)[number]) => `${protocol}://${address}:${port}`;
  return [
    ...(first === undefined ? [] : [`${prefix}_PORT=${urlOf(first)}`]),
    ...ports.flatMap((one) => {
      const name = `${prefix}_PORT_${one.port}_${one.protocol.toUpperCase()}`;
      return [
        `${name}=${urlOf(one)}`,
        `${name}_ADDR=${address}`,
        `${name}_PORT=${one.port}`,
        `${name}_PROTO=${one.protocol}`,
      ];
    }),
    `${prefix}_NAME=/${owner}/${alias}`,
    ...(linked.config.Env ?? [])
      .filter((entry) => entry.includes('=') && !/^(HOME|PATH)=/.test(entry))
      .map((entry) => `${prefix}_ENV_${entry}`),
  ];
}

function addressOf({ networks }: Container): string {
  return networks['bridge']?.endpoint?.ipv4Address ?? '';
}

/** "owner/alias", with or without a slash before it, as a link's own name; undefined for what is none. */
export function findLink(
  parts: Pick<Parts, 'registry'>,
  reference: string,
): { readonly owner: Entry; readonly alias: string; readonly linked: Entry } | undefined {
  const [ownerName = '', alias = '', more] = reference.replace(/^\//, '').split('/');
  if (ownerName === '' || alias === '' || more !== undefined) return undefined;
  const owner = parts.registry.find(ownerName);
  if (owner === undefined) return undefined;
  const found = linkedEntries(parts, owner).find((link) => link.alias === alias);
  return found === undefined ? undefined : { owner, ...found };
}

/** `rm --link`: the link goes, the containers stay. Fails in Docker's words. */
export function removeLink(parts: Parts, reference: string): Promise<void> {
  const link = findLink(parts, reference);
  if (link === undefined) {
    if (parts.registry.find(reference) === undefined) throw notFound(`No such container: ${reference}`);
    throw conflict('Conflict, cannot remove the default link name of the container');
  }
  const { owner, alias } = link;
  return owner.lock.run(async () => {
    const Links = (owner.container.hostConfig.Links ?? []).filter((text) => !text.endsWith(`:${alias}`));
    const hostConfig = { ...owner.container.hostConfig, Links: Links.length === 0 ? null : Links };
    owner.container = { ...owner.container, hostConfig };
    parts.store.saveIdentity(owner);
  });
}

/** Containers as they are shown: links by name, and with the names that links give them. */
export function showLinks(parts: Pick<Parts, 'registry'>, entries: readonly Entry[]): Container[] {
  const owners = parts.registry.list().filter(({ container }) => container.hostConfig.Links?.length);
  if (owners.length === 0) return entries.map(({ container }) => container);
  const names = new Map<string, string[]>();
  for (const owner of owners) {
    for (const { linked, alias } of linkedEntries(parts, owner)) {
      names.set(linked.id, [...(names.get(linked.id) ?? []), `${owner.container.name}/${alias}`]);
    }
  }
  return entries.map((entry) => {
    const { container } = entry;
    const linkNames = names.get(entry.id) ?? [];
    if (!container.hostConfig.Links?.length)
      return linkNames.length === 0 ? container : { ...container, linkNames };
    const Links = linkedEntries(parts, entry).map(
      ({ linked, alias }) => `/${linked.container.name}:/${container.name}/${alias}`,
    );
    return { ...container, hostConfig: { ...container.hostConfig, Links }, linkNames };
  });
}
