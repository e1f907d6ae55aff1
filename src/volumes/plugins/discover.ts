import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../../base/errno.ts';
import { invalid, notFound } from '../../base/errors.ts';

/** Where Docker looks for plugins: sockets, and files that tell where a plugin listens. */
export const PLUGIN_DIRECTORIES: readonly string[] = [
  '/run/docker/plugins',
  '/etc/docker/plugins',
  '/usr/lib/docker/plugins',
];

/** Where a plugin listens. */
export type PluginAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly tls: PluginTls | undefined;
    };

/** Files in PEM. */
interface PluginTls {
  readonly verify: boolean;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const SPEC_LIMIT = 64 * 1024;

/** Fails with `not-found` in Docker's words; names that are no file's are never found. */
export async function discoverPlugin(directories: readonly string[], name: string): Promise<PluginAddress> {
  if (pattern.test(name) && name.length <= 200) {
    for (const base of directories.flatMap((directory) => [directory, join(directory, name)])) {
      const socket = join(base, `${name}.sock`);
      if ((await stat(socket).catch(() => undefined))?.isSocket()) return { kind: 'unix', path: socket };
      const spec = await readSpec(join(base, `${name}.spec`));
      if (spec !== undefined) return parseAddress(name, spec.trim(), undefined);
      const json = await readSpec(join(base, `${name}.json`));
      if (json !== undefined) return parseJson(name, json);
    }
  }
  throw notFound(`error looking up volume plugin ${name}: plugin ${JSON.stringify(name)} not found`);
}

async function readSpec(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > SPEC_LIMIT) throw invalid(`${path} is too large`);
    return text;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function parseJson(name: string, text: string): PluginAddress {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw invalid(`the description of the plugin ${name} is not JSON`);
  }
  const { Addr, TLSConfig } = fieldsOf(document);
  if (typeof Addr !== 'string') throw invalid(`the description of the plugin ${name} has no Addr`);
  if (TLSConfig === undefined || TLSConfig === null) return parseAddress(name, Addr, undefined);
  const { InsecureSkipVerify, CAFile, CertFile, KeyFile } = fieldsOf(TLSConfig);
  const file = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  return parseAddress(name, Addr, {
    verify: InsecureSkipVerify !== true,
    ca: file(CAFile),
    cert: file(CertFile),
    key: file(KeyFile),
  });
}

function parseAddress(name: string, text: string, tls: PluginTls | undefined): PluginAddress {
  const [, scheme = '', rest = ''] = /^(\w+):\/\/(.+)$/s.exec(text) ?? [];
  if (scheme === 'unix' && rest.startsWith('/')) return { kind: 'unix', path: rest };
  const [, host = '', port = ''] = /^(?:\[?([\w.:-]+?)\]?):(\d{1,5})\/?$/.exec(rest) ?? [];
  if ((scheme === 'tcp' || scheme === 'http' || scheme === 'https') && host !== '') {
    return { kind: 'tcp', host, port: Number(port), tls };
  }
  throw invalid(`the plugin ${name} has no address that can be used: ${JSON.stringify(text.slice(0, 200))}`);
}

/** The fields of a JSON object; none of anything else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
