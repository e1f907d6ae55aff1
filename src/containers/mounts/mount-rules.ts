import { normalize } from 'node:path/posix';
import { invalid, messageOf } from '../../base/errors.ts';
import type { Mount } from '../../wire/container-config.ts';
import { isPropagation } from './mount-mode.ts';
import { tmpfsMountOptions } from './tmpfs-options.ts';

/** Fails with `invalid-argument` for "/" and for relative paths. */
export function checkTarget(target: string): void {
  if (normalize(target) === '/') throw invalid("invalid specification: destination can't be '/'");
  if (!target.startsWith('/')) throw invalid(`invalid mount path: '${target}' mount path must be absolute`);
}

/** Fails with `invalid-argument` and Docker's text when a Mount's fields do not go together. */
export function checkMount(mount: Mount, exists: (path: string) => boolean): void {
  try {
    if (mount.Target === '') throw missing('Target');
    checkTarget(mount.Target);
    const check = Object.hasOwn(checks, mount.Type) ? checks[mount.Type] : undefined;
    if (check === undefined) throw invalid('mount type unknown');
    check(mount, exists);
  } catch (error) {
    throw invalid(`invalid mount config for type "${mount.Type}": ${messageOf(error)}`);
  }
}

type Check = (mount: Mount, exists: (path: string) => boolean) => void;

const checks: Readonly<Record<string, Check>> = {
  bind(mount, exists) {
    const source = mount.Source ?? '';
    const options = mount.BindOptions;
    if (source === '') throw missing('Source');
    if (options?.Propagation && !isPropagation(options.Propagation)) {
      throw invalid(`invalid propagation mode: ${options.Propagation}`);
    }
    forbid(mount, 'VolumeOptions', 'ImageOptions', 'TmpfsOptions');
    if (!source.startsWith('/')) throw invalid(`invalid mount path: '${source}' mount path must be absolute`);
    if (options?.CreateMountpoint !== true && !exists(source)) {
      throw invalid(`bind source path does not exist: ${source}`);
    }
  },
  volume(mount) {
    forbid(mount, 'BindOptions', 'ImageOptions', 'TmpfsOptions');
    const anonymous = (mount.Source ?? '') === '';
    const subpath = mount.VolumeOptions?.Subpath ?? '';
    if (subpath !== '' && anonymous) throw invalid('must not set Subpath when using anonymous volumes');
    checkSubpath(subpath);
    if (mount.ReadOnly === true && anonymous) {
      throw invalid('must not set ReadOnly mode when using anonymous volumes');
    }
  },
  tmpfs(mount) {
    forbid(mount, 'BindOptions', 'VolumeOptions', 'ImageOptions');
    if ((mount.Source ?? '') !== '') throw extra('Source');
    tmpfsMountOptions(mount);
  },
  image(mount) {
    forbid(mount, 'BindOptions', 'VolumeOptions', 'TmpfsOptions');
    if ((mount.Source ?? '') === '') throw missing('Source');
    checkSubpath(mount.ImageOptions?.Subpath ?? '');
  },
};

type OptionField = 'BindOptions' | 'VolumeOptions' | 'ImageOptions' | 'TmpfsOptions';

function forbid(mount: Mount, ...fields: OptionField[]): void {
  for (const field of fields) if (mount[field] !== undefined) throw extra(field);
}

function checkSubpath(path: string): void {
  const outside = path.startsWith('/') || normalize(path).split('/')[0] === '..';
  if (path !== '' && outside) throw invalid('subpath must be a relative path within the volume');
}

function missing(field: string): Error {
  return invalid(`field ${field} must not be empty`);
}

function extra(field: string): Error {
  return invalid(`field ${field} must not be specified`);
}
