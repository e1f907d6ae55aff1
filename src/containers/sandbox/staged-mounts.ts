import type { Context } from '../../base/context.ts';
import { internal } from '../../base/errors.ts';
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MS_PRIVATE,
  O_CREAT,
  O_DIRECTORY,
  O_PATH,
} from '../../plan/constants.ts';
import { HOST, type Operation } from '../../plan/operations.ts';
import { plainMount, type StoredMount } from '../mounts/stored-mount.ts';
import type { SandboxMount, SandboxRequest } from './contract.ts';
import type { SandboxParts } from './parts.ts';
import { mountKey, stagingDirectory } from './place.ts';

export interface StagedMounts {
  /** Steps of the child, in the host's root but in its own mount namespace: they lay out what is then mounted from there. */
  readonly operations: readonly Operation[];
  readonly mounts: readonly StoredMount[];
}

/** Free for parts of a plan that are not the runtime's. */
const VIEW = 0;

/** The writable parts of a sandbox's mounts: the next run with the same mount finds what was written. */
export class WritableParts {
  readonly #keys = new Map<string, string>();
  readonly #id: string;

  constructor(id: string) {
    this.#id = id;
  }

  /** Snapshots. */
  get keys(): readonly string[] {
    return [...this.#keys.values()];
  }

  /** That of a mount, which is prepared when it is new. */
  async of(mount: LayersMount, prepare: (key: string) => Promise<unknown>): Promise<string> {
    const identity = JSON.stringify([mount.target, mount.path, mount.layers]);
    const known = this.#keys.get(identity);
    if (known !== undefined) return known;
    const key = mountKey(this.#id, this.#keys.size);
    await prepare(key);
    this.#keys.set(identity, key);
    return key;
  }
}

/**
 * What a run's mounts and files come from. Files lie on a memory filesystem that the run's process alone ever sees, and that is never
 * swapped out.
 */
export async function stageMounts(
  parts: SandboxParts,
  context: Context,
  request: SandboxRequest,
  writable: WritableParts,
): Promise<StagedMounts> {
  const staging = stagingDirectory(parts.paths);
  const operations: Operation[] = [];
  const mounts: StoredMount[] = [];
  for (const [index, mount] of [...request.mounts, ...request.files.map(asContent)].entries()) {
    const source = `${staging}/${index}`;
    if (mount.type === 'bind') mounts.push(bind(mount.source, mount.target, !mount.readOnly));
    else if (mount.type === 'tmpfs') mounts.push(tmpfs(mount));
    else if (mount.type === 'content') {
      operations.push(...contentSteps(source, mount));
      mounts.push(bind(source, mount.target, false));
    } else {
      operations.push(...(await layersSteps(parts, context, source, mount, writable)));
      mounts.push(bind(source, mount.target, !mount.readOnly));
    }
  }
  const steps = operations.length === 0 ? [] : [mountMemory(staging), ...operations];
  return { operations: steps, mounts };
}

type ContentMount = Extract<SandboxMount, { type: 'content' }>;
type LayersMount = Extract<SandboxMount, { type: 'layers' }>;

function asContent({ path, mode, content }: SandboxRequest['files'][number]): ContentMount {
  return { type: 'content', target: path, content, mode, uid: 0, gid: 0 };
}

function bind(source: string, destination: string, writable: boolean): StoredMount {
  const rest = { name: undefined, driver: undefined, mode: '', propagation: 'rprivate' };
  return { ...plainMount, point: { type: 'bind', source, destination, writable, ...rest } };
}

/** Programs may be unpacked there and run. */
function tmpfs({ target, size }: Extract<SandboxMount, { type: 'tmpfs' }>): StoredMount {
  const { point } = bind('', target, true);
  const tmpfsOptions = size > 0 ? `exec,size=${size}` : 'exec';
  return { ...plainMount, point: { ...point, type: 'tmpfs' }, tmpfsOptions };
}

/** Not a tmpfs, which may be swapped out. */
function mountMemory(path: string): Operation {
  return {
    op: 'mount',
    root: HOST,
    path,
    fstype: 'ramfs',
    source: 'ramfs',
    attributes: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
    options: ['mode=700'],
    propagation: MS_PRIVATE,
    create: 0,
  };
}

function contentSteps(path: string, { content, mode, uid, gid }: ContentMount): Operation[] {
  return [
    { op: 'write', dir: HOST, path, flags: O_CREAT, mode: 0o600, data: content, ignore: [] },
    { op: 'chown', root: HOST, path, uid, gid },
    { op: 'chmod', root: HOST, path, mode },
  ];
}

/** The path within the layers is resolved by the launcher, which no link leads out of them. */
async function layersSteps(
  parts: SandboxParts,
  context: Context,
  target: string,
  mount: LayersMount,
  writable: WritableParts,
): Promise<Operation[]> {
  const view = `${target}-layers`;
  const operations = await viewSteps(parts, context, view, mount, writable);
  return [
    { op: 'mkdir', dir: HOST, path: view, mode: 0o755 },
    ...operations,
    { op: 'open', slot: VIEW, dir: HOST, path: view, flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0 },
    {
      op: 'bind',
      sourceDir: VIEW,
      sourcePath: mount.path,
      root: HOST,
      path: target,
      create: 1,
      recursive: 0,
      set: 0,
      clear: 0,
      recursiveAttributes: 0,
      propagation: MS_PRIVATE,
    },
    { op: 'close', slot: VIEW },
  ];
}

/** A writable mount has the writable part of a snapshot of its own, which nobody looks at afterwards. */
async function viewSteps(
  { snapshots }: SandboxParts,
  context: Context,
  target: string,
  mount: LayersMount,
  writable: WritableParts,
): Promise<readonly Operation[]> {
  const view = await snapshots.view(context, mount.layers, target);
  if (mount.readOnly) return view.operations;
  const key = await writable.of(mount, (fresh) => snapshots.prepare(context, fresh, []));
  const own = await snapshots.mount(context, key, target);
  return view.operations.map((step) => withWritablePart(step, own.operations, snapshots.changesPath(key)));
}

function withWritablePart(step: Operation, own: readonly Operation[], changes: string): Operation {
  // Of no layers at all there is nothing below the writable part.
  if (step.op === 'bind') return { ...step, sourcePath: changes, set: 0 };
  const overlay = own.find(({ op }) => op === 'overlay');
  if (step.op !== 'overlay' || overlay?.op !== 'overlay') {
    throw internal(`this storage driver cannot make a view writable (${step.op})`);
  }
  return { ...step, upper: overlay.upper, work: overlay.work, attributes: 0 };
}
