import { invalid } from '../base/errors.ts';
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from '../plan/constants.ts';

/** The options of an OCI mount (config.md, "Linux mount options"), sorted by what takes them. */
export interface MountOptions {
  readonly bind: 'no' | 'plain' | 'recursive';
  /** MOUNT_ATTR_* to be on and off on the mount itself. */
  readonly set: number;
  readonly clear: number;
  /** The same on the mount and all below it. */
  readonly recursiveSet: number;
  readonly recursiveClear: number;
  /** MS_* with MS_REC where asked for; 0 for what the kernel does by itself. */
  readonly propagation: number;
  /** For the filesystem. */
  readonly data: readonly string[];
}

interface Attribute {
  readonly set: number;
  readonly clear: number;
}

function on(bit: number): Attribute {
  return { set: bit, clear: 0 };
}

function off(bit: number): Attribute {
  return { set: 0, clear: bit };
}

/** The three ways of access times exclude each other and are changed as one field. */
function accessTime(bit: number): Attribute {
  return { set: bit, clear: MOUNT_ATTR__ATIME };
}

const attributes: ReadonlyMap<string, Attribute> = new Map([
  ['ro', on(MOUNT_ATTR_RDONLY)],
  ['rw', off(MOUNT_ATTR_RDONLY)],
  ['nosuid', on(MOUNT_ATTR_NOSUID)],
  ['suid', off(MOUNT_ATTR_NOSUID)],
  ['nodev', on(MOUNT_ATTR_NODEV)],
  ['dev', off(MOUNT_ATTR_NODEV)],
  ['noexec', on(MOUNT_ATTR_NOEXEC)],
  ['exec', off(MOUNT_ATTR_NOEXEC)],
  ['nodiratime', on(MOUNT_ATTR_NODIRATIME)],
  ['diratime', off(MOUNT_ATTR_NODIRATIME)],
  ['nosymfollow', on(MOUNT_ATTR_NOSYMFOLLOW)],
  ['symfollow', off(MOUNT_ATTR_NOSYMFOLLOW)],
  ['noatime', accessTime(MOUNT_ATTR_NOATIME)],
  ['strictatime', accessTime(MOUNT_ATTR_STRICTATIME)],
  ['atime', accessTime(0)],
  ['relatime', accessTime(0)],
  ['norelatime', accessTime(0)],
  ['nostrictatime', accessTime(0)],
]);

const propagations: ReadonlyMap<string, number> = new Map([
  ['private', MS_PRIVATE],
  ['rprivate', MS_PRIVATE | MS_REC],
  ['shared', MS_SHARED],
  ['rshared', MS_SHARED | MS_REC],
  ['slave', MS_SLAVE],
  ['rslave', MS_SLAVE | MS_REC],
  ['unbindable', MS_UNBINDABLE],
  ['runbindable', MS_UNBINDABLE | MS_REC],
]);

const bindings = new Map<string, MountOptions['bind']>([
  ['bind', 'plain'],
  ['rbind', 'recursive'],
]);

const unsupported = new Set(['tmpcopyup', 'idmap', 'ridmap', 'remount']);

/** Of contradicting options the last one counts, as with mount(8). Fails with `invalid-argument` on one that Sampan cannot do. */
export function parseMountOptions(options: readonly string[]): MountOptions {
  let bind: MountOptions['bind'] = 'no';
  let own: Attribute = { set: 0, clear: 0 };
  let recursive: Attribute = { set: 0, clear: 0 };
  let propagation = 0;
  const data: string[] = [];
  for (const option of options) {
    const below = option.startsWith('r') ? attributes.get(option.slice(1)) : undefined;
    const attribute = attributes.get(option);
    if (unsupported.has(option)) throw invalid(`mount option ${JSON.stringify(option)} is not supported`);
    if (bindings.has(option)) bind = bindings.get(option) ?? bind;
    else if (propagations.has(option)) propagation = propagations.get(option) ?? propagation;
    else if (attribute !== undefined) own = overlay(own, attribute);
    else if (below !== undefined) recursive = overlay(recursive, below);
    else if (option !== '' && option !== 'defaults') data.push(option);
  }
  return {
    bind,
    set: own.set,
    clear: own.clear,
    recursiveSet: recursive.set,
    recursiveClear: recursive.clear,
    propagation,
    data,
  };
}

/** A bit that is both cleared and set ends up set: that is how one of the access times replaces another. */
function overlay(current: Attribute, next: Attribute): Attribute {
  return {
    set: (current.set & ~next.clear) | next.set,
    clear: next.set === 0 || next.clear !== 0 ? current.clear | next.clear : current.clear & ~next.set,
  };
}
