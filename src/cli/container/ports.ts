import { messageOf } from '../../base/errors.ts';
import type { PortBinding } from '../../wire/container-config.ts';
import { cut } from '../flag-types.ts';
import { isIP } from '../ip-address.ts';

export interface PublishedPorts {
  /** `80/tcp`, as keys. */
  readonly exposed: Record<string, Record<string, never>>;
  readonly bindings: Record<string, PortBinding[]>;
}

/** Reads every `--publish` and `--expose`. Throws an Error in Docker's words. */
export function parsePorts(publish: readonly string[], expose: readonly string[]): PublishedPorts {
  const ports: PublishedPorts = { exposed: {}, bindings: {} };
  for (const spec of publish.map(toShortForm)) addPublished(ports, spec);
  for (const spec of expose) addExposed(ports, spec);
  return ports;
}

/** `published=8080,target=80,protocol=tcp` is another way to write `8080:80/tcp`. */
function toShortForm(spec: string): string {
  if (!spec.includes('=')) return spec;
  const fields: Record<string, string> = { protocol: 'tcp', published: '', target: '' };
  for (const part of spec.split(',')) {
    const [key, value] = cut(part, '=');
    if (!part.includes('=') || key === '') {
      throw new Error(`invalid publish opts format (should be name=value but got '${part}')`);
    }
    fields[key] = value;
  }
  return `${fields.published}:${fields.target}/${fields.protocol}`;
}

function addPublished({ exposed, bindings }: PublishedPorts, spec: string): void {
  const parts = spec.split(':');
  const [protocol, container] = splitProtocol(parts.at(-1) ?? '');
  const host = parts.at(-2) ?? '';
  const address = hostAddress(parts.slice(0, -2).join(':'));
  if (container === '') throw new Error(`no port specified: ${spec}<empty>`);
  const inside = rangeOf(container, 'containerPort');
  const outside = host === '' ? undefined : rangeOf(host, 'hostPort');
  const size = inside.last - inside.first;
  if (outside !== undefined && outside.last - outside.first !== size && size !== 0) {
    throw new Error(`invalid ranges specified for container and host Ports: ${container} and ${host}`);
  }
  const name = protocol.toLowerCase();
  if (!['tcp', 'udp', 'sctp'].includes(name)) throw new Error(`invalid proto: ${protocol}`);
  for (let offset = 0; offset <= size; offset++) {
    const port = `${inside.first + offset}/${name}`;
    exposed[port] ??= {};
    bindings[port] = [
      ...(bindings[port] ?? []),
      { HostIp: address, HostPort: hostPort(outside, offset, size) },
    ];
  }
}

interface Range {
  readonly first: number;
  readonly last: number;
}

/** One container port may be published on any port of a range. */
function hostPort(range: Range | undefined, offset: number, size: number): string {
  if (range === undefined) return '';
  const first = String(range.first + offset);
  return size === 0 && range.first !== range.last ? `${first}-${range.last}` : first;
}

function hostAddress(text: string): string {
  const address = /^\[([^\]]*)\]$/.exec(text)?.[1] ?? text;
  if (address !== '' && isIP(address) === 0) {
    if (text.startsWith('[')) {
      throw new Error(`invalid IP address ${text}: address ${text}:: missing ']' in address`);
    }
    throw new Error(`invalid IP address: ${address}`);
  }
  return address;
}

function rangeOf(text: string, what: string): Range {
  try {
    return parseRange(text);
  } catch {
    throw new Error(`invalid ${what}: ${text}`);
  }
}

function parseRange(text: string): Range {
  if (text === '') throw new Error('empty string specified for ports.');
  if (!text.includes('-')) {
    const port = parsePort(text);
    return { first: port, last: port };
  }
  const [first = '', last = ''] = text.split('-');
  const range = { first: parsePort(first), last: parsePort(last) };
  if (range.last < range.first) throw new Error(`invalid range specified for port: ${text}`);
  return range;
}

function parsePort(text: string): number {
  const quoted = JSON.stringify(text);
  if (!/^\d+$/.test(text)) throw new Error(`strconv.ParseUint: parsing ${quoted}: invalid syntax`);
  if (Number(text) > 65535) throw new Error(`strconv.ParseUint: parsing ${quoted}: value out of range`);
  return Number(text);
}

/** Protocol and port. */
function splitProtocol(text: string): [string, string] {
  const [port = '', protocol] = text.split('/');
  if (port === '') return ['', ''];
  return [protocol || 'tcp', port];
}

function addExposed({ exposed }: PublishedPorts, spec: string): void {
  if (spec.includes(':')) throw new Error(`invalid port format for --expose: ${spec}`);
  const [protocol, port] = splitProtocol(spec);
  let range: Range;
  try {
    range = parseRange(port);
  } catch (reason) {
    const why = messageOf(reason);
    throw new Error(`invalid range format for --expose: ${spec}, error: ${why}`);
  }
  for (let number = range.first; number <= range.last; number++) exposed[`${number}/${protocol}`] ??= {};
}
