import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { isErrno } from '../base/errno.ts';
import { invalid } from '../base/errors.ts';

/** Where Docker and Sampan look for certificates: a folder for each "host" or "host:port". */
const CERTIFICATE_DIRECTORIES = ['/etc/docker/certs.d', '/etc/sampan/certs.d'] as const;

/** PEM texts. */
export interface Certificates {
  readonly authorities: readonly string[];
  readonly client: { readonly cert: string; readonly key: string } | undefined;
}

const MAX_FILES = 256;

/**
 * What the folders `<directory>/<host>` hold: authorities in *.crt, the client's own in X.cert with X.key. Fails with `invalid-argument`
 * when one of such a pair is missing.
 */
export async function certificatesOf(
  host: string,
  directories: readonly string[] = CERTIFICATE_DIRECTORIES,
): Promise<Certificates> {
  // The host comes from a name that somebody typed.
  const isName = host !== '' && !host.startsWith('.') && !host.includes('/');
  const folders = isName ? directories.map((directory) => join(directory, host)) : [];
  const found = await Promise.all(folders.map(readFolder));
  return {
    authorities: found.flatMap(({ authorities }) => authorities),
    client: found.find(({ client }) => client !== undefined)?.client,
  };
}

async function readFolder(folder: string): Promise<Certificates> {
  const names = await namesIn(folder);
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const pairs = names.filter((name) => name.endsWith('.cert')).map((name) => name.slice(0, -'.cert'.length));
  for (const name of names.filter((name) => name.endsWith('.key')).map((name) => name.slice(0, -4))) {
    if (!pairs.includes(name)) {
      throw invalid(`missing client certificate ${name}.cert for key ${name}.key in ${folder}`);
    }
  }
  const lacking = pairs.find((name) => !names.includes(`${name}.key`));
  if (lacking !== undefined) {
    throw invalid(`missing key ${lacking}.key for client certificate ${lacking}.cert in ${folder}`, {
      hint: 'Certificate authorities are files that end in .crt.',
    });
  }
  const [first] = pairs;
  return {
    authorities: await Promise.all(names.filter((name) => name.endsWith('.crt')).map(read)),
    client:
      first === undefined
        ? undefined
        : { cert: await read(`${first}.cert`), key: await read(`${first}.key`) },
  };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort().slice(0, MAX_FILES);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

let systemAuthorities: string | undefined;

/** The certificate authorities that this system trusts, in PEM; empty where it says nothing. Read once: it takes 25 ms. */
export function authoritiesOfSystem(): string {
  systemAuthorities ??= getCACertificates('system').join('\n');
  return systemAuthorities;
}
