import { posix } from 'node:path';
import { DEFAULT_DEVICES, DEVICE_LINKS } from '../oci/defaults.ts';
import type { RuntimeSpec, SpecDevice } from '../oci/runtime-spec.ts';
import { HOST, type Operation } from '../plan/operations.ts';

/** S_IFMT bits of a node's mode. */
const kinds: Readonly<Record<SpecDevice['type'], number>> = {
  c: 0o020000,
  u: 0o020000,
  b: 0o060000,
  p: 0o010000,
};

/**
 * Fills a fresh /dev: the devices of the spec and those that every container has, the terminal multiplexer and the usual links. A /dev that is
 * bound from elsewhere is left alone.
 */
export function planDevices(spec: RuntimeSpec, root: number): Operation[] {
  if (spec.mounts.some(isBoundDev)) return [];
  const inUserNamespace = spec.linux.namespaces.some(({ type }) => type === 'user');
  const node = inUserNamespace ? bindNode : makeNode;
  const links = Object.entries(DEVICE_LINKS).map(
    ([path, target]): Operation => ({ op: 'symlink', root, path, target }),
  );
  return [
    ...wantedDevices(spec.linux.devices).map((device) => node(device, root)),
    // An image without a mount on /dev may hold a file of that name.
    { op: 'unlink', dir: root, path: '/dev/ptmx', flags: 0 },
    { op: 'symlink', root, path: '/dev/ptmx', target: 'pts/ptmx' },
    ...links,
  ];
}

function isBoundDev({ destination, type, options }: RuntimeSpec['mounts'][number]): boolean {
  const bound = type === 'bind' || options.includes('bind') || options.includes('rbind');
  return bound && posix.resolve('/', destination) === '/dev';
}

/** Each path once, the spec's choice before the default. The host's /dev/ptmx would open the host's terminals. */
function wantedDevices(devices: readonly SpecDevice[]): SpecDevice[] {
  const byPath = new Map([...DEFAULT_DEVICES, ...devices].map((device) => [device.path, device]));
  byPath.delete('/dev/ptmx');
  return [...byPath.values()];
}

function makeNode(device: SpecDevice, root: number): Operation {
  return {
    op: 'mknod',
    root,
    path: device.path,
    mode: kinds[device.type] | device.fileMode,
    device: encodeDevice(device.major, device.minor),
    uid: device.uid,
    gid: device.gid,
  };
}

/** A user namespace may not make nodes, so the host's are shown. */
function bindNode(device: SpecDevice, root: number): Operation {
  return {
    op: 'bind',
    sourceDir: HOST,
    sourcePath: device.path,
    root,
    path: device.path,
    create: 1,
    recursive: 0,
    set: 0,
    clear: 0,
    recursiveAttributes: 0,
    propagation: 0,
  };
}

/** A dev_t as the C library packs it (makedev(3)). */
export function encodeDevice(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (low & 0xffn) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n);
}
