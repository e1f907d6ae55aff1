import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../base/context.ts';
import { mountPointsBelow } from '../base/mount-points.ts';
import { MNT_DETACH, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID } from '../plan/constants.ts';
import type { Launcher } from '../plan/contract.ts';
import { HOST, type Operation } from '../plan/operations.ts';

/** Views that people look at from the host: mounts on `<directory>/<name>`, which outlive the process and are found again. */
export class HostViews {
  readonly #directory: string;
  readonly #launcher: Launcher;
  /** Mounting and unmounting, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(directory: string, launcher: Launcher) {
    this.#directory = directory;
    this.#launcher = launcher;
  }

  /** Paths by name. */
  list(): Map<string, string> {
    return new Map([...mountPointsBelow(this.#directory)].map((name) => [name, join(this.#directory, name)]));
  }

  /** Mounts what `view` says, unless it is mounted; its path. */
  mount(
    context: Context,
    name: string,
    view: (target: string) => Promise<{ readonly operations: readonly Operation[] }>,
  ): Promise<string> {
    return this.#inTurn(async () => {
      const path = join(this.#directory, name);
      if (this.list().has(name)) return path;
      // Images hold setuid programs, which are no business of the host's users.
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const { operations } = await view(path);
      const before: Operation[] = [
        { op: 'mkdir', dir: HOST, path, mode: 0o755 },
        ...operations.map(withoutPrivileges),
      ];
      await this.#launcher.run(context, { before });
      return path;
    });
  }

  /** False when it was not mounted. */
  unmount(context: Context, name: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const path = this.list().get(name);
      if (path === undefined) return false;
      await this.#launcher.run(context, { before: [{ op: 'unmount', path, flags: MNT_DETACH }] });
      await rmdir(path).catch(() => {});
      return true;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => {});
    return result;
  }
}

/** Nothing in an image shall have power over the host that looks at it. */
function withoutPrivileges(operation: Operation): Operation {
  const attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (operation.op === 'overlay')
    return { ...operation, attributes: Number(operation.attributes) | attributes };
  if (operation.op === 'bind') return { ...operation, set: Number(operation.set) | attributes };
  return operation;
}
