import { readFile } from 'node:fs/promises';
import type { ListenAddress } from '../api/api-server.ts';
import { DEFAULT_SOCKET } from '../base/default-socket.ts';
import { invalid } from '../base/errors.ts';
import type { Configuration } from './configuration.ts';

const DEFAULT_PORT = 2375;
const DEFAULT_TLS_PORT = 2376;

/** Where the daemon listens: each `-H`, or the socket of the command line's default. Fails with `invalid-argument` on other schemes. */
export async function listenAddresses(configuration: Configuration): Promise<ListenAddress[]> {
  const hosts = configuration.hosts.length > 0 ? configuration.hosts : [`unix://${DEFAULT_SOCKET}`];
  const gid = await groupId(configuration.group);
  return Promise.all(hosts.map((host) => parseAddress(host, configuration, gid)));
}

/** What a start-up without client certificates must be told about, as dockerd does. */
export function exposureWarning(addresses: readonly ListenAddress[]): string | undefined {
  const open = addresses.find((address) => 'tcp' in address && address.tls?.clientAuthority === undefined);
  if (open === undefined || !('tcp' in open)) return undefined;
  return `[DEPRECATION NOTICE] API is accessible on tcp://${open.tcp.host}:${open.tcp.port} without client verification: whoever reaches it is root on this host`;
}

async function parseAddress(
  host: string,
  configuration: Configuration,
  gid: number | undefined,
): Promise<ListenAddress> {
  const [, scheme = '', rest = ''] = /^(\w+):\/\/(.*)$/.exec(host) ?? [];
  if (scheme === 'unix' && rest.startsWith('/')) {
    return { unix: rest, mode: 0o660, ...(gid === undefined ? {} : { gid }) };
  }
  if (scheme !== 'tcp')
    throw invalid(`invalid bind address (${host}): expected unix:///path or tcp://host:port`);
  const secure = configuration.tls || configuration.tlsVerify;
  const [, name = '', portText] = /^(\[[^\]]+\]|[^:/]*)(?::(\d+))?$/.exec(rest) ?? [];
  const port = Number(portText ?? (secure ? DEFAULT_TLS_PORT : DEFAULT_PORT));
  if (port > 65535) throw invalid(`invalid bind address (${host}): no such port`);
  const tcp = { host: name.replace(/^\[|\]$/g, '') || '127.0.0.1', port };
  return secure ? { tcp, tls: await readTls(configuration) } : { tcp };
}

async function readTls(
  configuration: Configuration,
): Promise<{ key: string; certificate: string; clientAuthority?: string }> {
  const [certificate, key] = await Promise.all([
    readPem(configuration.tlsCertificate, 'certificate'),
    readPem(configuration.tlsKey, 'key'),
  ]);
  if (!configuration.tlsVerify) return { key, certificate };
  return {
    key,
    certificate,
    clientAuthority: await readPem(configuration.tlsCaCertificate, 'CA certificate'),
  };
}

async function readPem(path: string, what: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause) => {
    throw invalid(`could not read the TLS ${what} ${path}`, { cause });
  });
}

/** A group's number; undefined when there is no such group, so that only root reaches the socket. */
async function groupId(name: string): Promise<number | undefined> {
  if (/^\d+$/.test(name)) return Number(name);
  const text = await readFile('/etc/group', 'utf8').catch(() => '');
  const line = text.split('\n').find((entry) => entry.startsWith(`${name}:`));
  return line === undefined ? undefined : Number(line.split(':')[2]);
}
