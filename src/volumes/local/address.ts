import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { internal, messageOf } from '../../base/errors.ts';
import type { LocalMount } from './options.ts';

/** Kernels take addresses only: names of NFS and CIFS servers are looked up before the mount, each time. */
export async function withAddress(mount: LocalMount): Promise<LocalMount> {
  if (mount.type !== 'nfs' && mount.type !== 'nfs4' && mount.type !== 'cifs') return mount;
  const words = mount.options.split(',');
  const given = words.find((word) => word.startsWith('addr='))?.slice('addr='.length) ?? '';
  if (given !== '' && isIP(given) !== 4) {
    const address = await resolve(given);
    const replaced = words.map((word) => (word === `addr=${given}` ? `addr=${address}` : word));
    return { ...mount, options: replaced.join(',') };
  }
  return mount.type === 'cifs' ? withServerAddress(mount) : mount;
}

/** "//server/share" with the server's address. */
async function withServerAddress(mount: LocalMount): Promise<LocalMount> {
  const match = /^\/\/([^/]+)(\/.*)?$/s.exec(mount.device);
  const [, host = '', share = ''] = match ?? [];
  if (host === '' || isIP(host) !== 0) return mount;
  return { ...mount, device: `//${await resolve(host)}${share}` };
}

async function resolve(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw internal(`error resolving passed in network volume address: ${messageOf(error)}`, { cause: error });
  }
}
