import { invalid } from '../../base/errors.ts';
import type { Mount } from '../../wire/container-config.ts';

/** Flags of mount(8) by what they decide: of one kind the last counts. */
const flagKinds: Readonly<Record<string, string>> = {
  ro: 'access',
  rw: 'access',
  suid: 'suid',
  nosuid: 'suid',
  dev: 'dev',
  nodev: 'dev',
  exec: 'exec',
  noexec: 'exec',
  sync: 'sync',
  async: 'sync',
  dirsync: 'dirsync',
  atime: 'atime',
  noatime: 'atime',
  diratime: 'diratime',
  nodiratime: 'diratime',
  relatime: 'relatime',
  norelatime: 'relatime',
  strictatime: 'strictatime',
  nostrictatime: 'strictatime',
  private: 'propagation',
  rprivate: 'propagation',
  slave: 'propagation',
  rslave: 'propagation',
  shared: 'propagation',
  rshared: 'propagation',
  unbindable: 'propagation',
  runbindable: 'propagation',
};

const valueKeys = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol']);

const defaults = ['noexec', 'nosuid', 'nodev', 'rprivate'];

/** `--tmpfs` options over the defaults, contradictions resolved in favour of the last. Fails with `invalid-argument`. */
export function mergeTmpfsOptions(text: string): string[] {
  const chosen = new Map<string, string>();
  for (const option of [...defaults, ...(text === '' ? [] : text.split(','))]) {
    const kind = kindOf(option);
    if (kind === undefined) throw invalid(`invalid tmpfs option ["${option}"]`);
    chosen.delete(kind);
    chosen.set(kind, option);
  }
  return [...chosen.values()];
}

function kindOf(option: string): string | undefined {
  if (Object.hasOwn(flagKinds, option)) return flagKinds[option];
  const equals = option.indexOf('=');
  const key = option.slice(0, Math.max(equals, 0));
  return valueKeys.has(key) ? `${key}=` : undefined;
}

/** A Mount of type tmpfs as option text. Fails with `invalid-argument`. */
export function tmpfsMountOptions(mount: Mount): string {
  const { Mode, SizeBytes, Options } = mount.TmpfsOptions ?? {};
  return [
    ...(mount.ReadOnly === true ? ['ro'] : []),
    ...(Mode === undefined || Mode === 0 ? [] : [`mode=${Mode.toString(8)}`]),
    ...(SizeBytes === undefined || SizeBytes === 0 ? [] : [`size=${SizeBytes}`]),
    ...(Options ?? []).map(listedOption),
  ].join(',');
}

function listedOption(option: readonly string[] | null): string {
  const [name = '', value] = option ?? [];
  if (option === null || option.length < 1 || option.length > 2) throw invalid('invalid option array length');
  if (name !== 'exec' && name !== 'noexec') throw invalid(`invalid option: ${name}`);
  return value === undefined ? name : `${name}=${value}`;
}
