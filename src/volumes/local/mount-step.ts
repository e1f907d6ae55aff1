import { SampanError } from '../../base/errors.ts';
import { MOUNT_ATTR_RDONLY } from '../../plan/constants.ts';
import { errnoName } from '../../plan/errno.ts';
import { HOST, type Operation } from '../../plan/operations.ts';
import { PlanError } from '../../plan/plan-error.ts';
import { parseMountOptions } from '../../runtime/mount-options.ts';
import type { LocalMount } from './options.ts';

/** Filesystems to which read-only is a matter of the mount alone. */
const virtualTypes = new Set(['tmpfs', 'ramfs', 'proc', 'sysfs']);

/** The step that mounts a local volume's device on the host directory `target`. Fails with `invalid-argument` on options nobody can mount. */
export function localMountStep({ type, device, options }: LocalMount, target: string): Operation {
  const parsed = parseMountOptions(options === '' ? [] : options.split(','));
  const { set, clear, propagation, data } = parsed;
  if (parsed.bind !== 'no') {
    return {
      op: 'bind',
      ...{ sourceDir: HOST, sourcePath: device, root: HOST, path: target, create: 0 },
      ...{ recursive: Number(parsed.bind === 'recursive'), set, clear, recursiveAttributes: 0, propagation },
    };
  }
  const readOnly = (set & MOUNT_ATTR_RDONLY) !== 0 && !virtualTypes.has(type) ? ['ro'] : [];
  return {
    op: 'mount',
    ...{ root: HOST, path: target, fstype: type, source: device, attributes: set },
    ...{ options: [...data, ...readOnly], propagation, create: 0 },
  };
}

/** The flags of mount(2), which Docker shows in its errors. */
const flags: Readonly<Record<string, number>> = {
  ...{ ro: 1, nosuid: 2, nodev: 4, noexec: 8, sync: 16, remount: 32, mand: 64, dirsync: 128 },
  ...{ noatime: 1024, nodiratime: 2048, bind: 4096, rbind: 4096 | 16384, relatime: 1 << 21 },
  ...{ strictatime: 1 << 24 },
};

const flagsOff = new Set([
  ...['defaults', 'rw', 'suid', 'dev', 'exec', 'async', 'nomand', 'atime', 'diratime', 'norelatime'],
  ...['nostrictatime', ''],
]);

/** Docker's words for a mount that failed; a password among its options is nobody's business. */
export function explainMount(error: unknown, { device, options }: LocalMount, target: string): unknown {
  if (!(error instanceof PlanError)) return error;
  const words = options.split(',');
  const bits = words.reduce((sum, word) => sum | (flags[word] ?? 0), 0);
  const data = words.filter((word) => !(word in flags) && !flagsOff.has(word)).map(withoutPassword);
  const { failure } = error;
  const reason = failure.errno === 0 ? failure.detail : errnoName(failure.errno).message;
  const parts = [
    `failed to mount local volume: mount ${device}:${target}`,
    ...(bits === 0 ? [] : [`flags: 0x${bits.toString(16)}`]),
    ...(data.length === 0 ? [] : [`data: ${data.join(',')}`]),
  ];
  const said = failure.errno === 0 || failure.detail === '' ? undefined : withoutPassword(failure.detail);
  return new SampanError('internal', `${parts.join(', ')}: ${reason}`, {
    ...(said === undefined || said === 'source' ? {} : { hint: `The kernel says: ${said}` }),
  });
}

function withoutPassword(word: string): string {
  return word.replace(/\b(password|pass)=.*/, '$1=********');
}
