import { posix } from 'node:path';
import type { Context } from '../../base/context.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { Tree, TreePart, TreeStat } from '../../runtime/trees/contract.ts';
import { layerParts, OPAQUE_WHITEOUT } from '../files/layer-parts.ts';
import { isHeader } from '../files/tree-parts.ts';
import { type MountPoints, statIfAny } from './mount-points.ts';

/**
 * A writable part as a layer, without the traces of runs: empty mount points, and directories that are as they were below but for their times.
 */
export async function* readChanges(
  context: Context,
  writable: Tree,
  below: Tree,
  mountPoints: MountPoints,
): AsyncGenerator<TreePart, void, void> {
  const traces = new Traces(context, below, mountPoints);
  const open = new OpenDirectories();
  let isDropped = false;
  const layers = {
    has: async (name: string) => (await statIfAny(context, below, `/${name}`)) !== undefined,
  };
  for await (const part of layerParts(context, writable, layers)) {
    if (!isHeader(part)) {
      if (!isDropped) yield part;
      continue;
    }
    if (open.isMark(part)) {
      if (await traces.isBelow(part)) open.keepMark(part);
      continue;
    }
    yield* closeAll(open, traces, part.name);
    isDropped = await traces.hasFile(part);
    if (part.type === 'directory') open.push(part);
    else if (!isDropped) yield* open.announce(part);
  }
  yield* closeAll(open, traces, undefined);
}

/** Settles the directories that `next` does not lie in: what nothing came of by now is a change only in itself. */
async function* closeAll(
  open: OpenDirectories,
  traces: Traces,
  next: string | undefined,
): AsyncGenerator<TreePart, void, void> {
  for (let top = open.topOutside(next); top !== undefined; top = open.topOutside(next)) {
    if (await traces.hasDirectory(top)) open.pop();
    else yield* open.announce();
  }
}

interface Directory {
  /** Its name ends in "/". */
  readonly header: TarHeader;
  /** What says that it hides all that is below it. */
  mark: TarHeader | undefined;
}

/** The directories around what is read, of which nothing was given out yet: outermost first. */
class OpenDirectories {
  #held: Directory[] = [];

  push(header: TarHeader): void {
    this.#held.push({ header, mark: undefined });
  }

  /** Whether it marks the directory that came last. */
  isMark({ name }: TarHeader): boolean {
    const top = this.#held.at(-1);
    return top !== undefined && name === `${top.header.name}${OPAQUE_WHITEOUT}`;
  }

  keepMark(mark: TarHeader): void {
    const top = this.#held.at(-1);
    if (top !== undefined) top.mark = mark;
  }

  topOutside(name: string | undefined): Directory | undefined {
    const top = this.#held.at(-1);
    return top === undefined || name?.startsWith(top.header.name) ? undefined : top;
  }

  pop(): void {
    this.#held.pop();
  }

  /** All that are held, and what lies in them. */
  *announce(...inside: readonly TarHeader[]): Generator<TarHeader, void, void> {
    for (const { header, mark } of this.#held) {
      yield header;
      if (mark !== undefined) yield mark;
    }
    yield* inside;
    this.#held = [];
  }
}

/** Knows traces from changes. */
class Traces {
  readonly #context: Context;
  readonly #below: Tree;
  readonly #mountPoints: MountPoints;
  #made: Promise<ReadonlySet<string>> | undefined;

  constructor(context: Context, below: Tree, mountPoints: MountPoints) {
    this.#context = context;
    this.#below = below;
    this.#mountPoints = mountPoints;
  }

  /** Whether there is anything that a mark could hide: overlays mark new directories too. */
  async isBelow({ name }: TarHeader): Promise<boolean> {
    return (await this.#stat(posix.dirname(`/${name}`))) !== undefined;
  }

  /** Whether an empty file was only made to mount on. */
  async hasFile({ type, size = 0, name }: TarHeader): Promise<boolean> {
    return type === 'file' && size === 0 && (await this.#isMade(`/${name}`));
  }

  /** Of a directory that nothing below changed. */
  async hasDirectory({ header, mark }: Directory): Promise<boolean> {
    const path = `/${header.name.slice(0, -1)}`;
    if (await this.#isMade(path)) return true;
    if (mark !== undefined) return false;
    const stat = await this.#stat(path);
    return stat !== undefined && isSame(header, stat);
  }

  #stat(path: string): Promise<TreeStat | undefined> {
    return statIfAny(this.#context, this.#below, path);
  }

  async #isMade(path: string): Promise<boolean> {
    this.#made ??= this.#mountPoints.made(this.#context, this.#below);
    return (await this.#made).has(path);
  }
}

/** But for the times. Extended attributes are not compared: who has some is taken to have changed. */
function isSame({ mode = 0, uid = 0, gid = 0, xattrs }: TarHeader, stat: TreeStat): boolean {
  if (stat.type !== 'directory' || (xattrs?.size ?? 0) > 0) return false;
  return mode === stat.mode && uid === stat.uid && gid === stat.gid;
}
