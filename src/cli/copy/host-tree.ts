import { chmodSync, chownSync, closeSync, constants, mkdirSync, openSync, utimesSync } from 'node:fs';
import { isErrno } from '../../base/errno.ts';
import { toText } from '../../oci/tar/entry.ts';
import { CommandError } from '../command-error.ts';
import { fileFailure } from '../file-failure.ts';

/** open(2): a descriptor that only stands for a place, so that a directory need not be readable. The same number on x86 and Arm. */
const O_PATH = 0o10000000;
const PLACE = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

export interface FileAttributes {
  readonly mode: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Undefined leaves the file to whoever copies. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

interface Level {
  readonly name: string;
  readonly descriptor: number;
  /** Given to the directory when it is left, since what is made in it changes its time, and its mode may forbid to make anything. */
  attributes?: FileAttributes;
}

/** A name in a directory that is held open: the kernel resolves it from there, whatever has become of the directory's own path. */
export function nameIn(directory: number, name: string): Buffer {
  return Buffer.from(`/proc/self/fd/${directory}/${name}`, 'latin1');
}

/** Seconds with their fraction, as node takes times. */
export function timeOf({ seconds, nanoseconds }: FileAttributes): number {
  return seconds + nanoseconds / 1e9;
}

/**
 * The directory that an archive is unpacked in. Every step from it is one name in an open directory, and no link is ever followed: whatever
 * the archive holds, and whoever swaps directories for links meanwhile, nothing is written outside. Names are byte strings.
 */
export class HostTree implements Disposable {
  readonly #root: number;
  /** The directories from the root to where the last member was made. */
  readonly #levels: Level[] = [];

  /** Follows links in `path`, which the user wrote. */
  constructor(path: string) {
    try {
      this.#root = openSync(path, O_PATH | constants.O_DIRECTORY);
    } catch (reason) {
      throw fileFailure('open', path, reason);
    }
  }

  /** The directory of these components, with those that are missing. Good until the next call. */
  enter(components: readonly string[]): number {
    let depth = 0;
    while (depth < components.length && this.#levels[depth]?.name === components[depth]) depth++;
    this.#leave(depth);
    for (const [index, name] of components.entries()) {
      if (index < depth) continue;
      const descriptor = openPlace(this.#current(), name, true);
      this.#levels.push({ name, descriptor });
    }
    return this.#current();
  }

  /** What the directory that was entered last gets when it is left. */
  decorate(attributes: FileAttributes): void {
    const level = this.#levels.at(-1);
    if (level !== undefined) level.attributes = attributes;
  }

  /** Calls `action` with an existing directory, without entering it. */
  visit<T>(components: readonly string[], action: (directory: number) => T): T {
    const opened: number[] = [];
    try {
      for (const name of components) opened.push(openPlace(opened.at(-1) ?? this.#root, name, false));
      return action(opened.at(-1) ?? this.#root);
    } finally {
      for (const descriptor of opened) closeSync(descriptor);
    }
  }

  /** Gives the last directories what they still have to get. */
  finish(): void {
    this.#leave(0);
  }

  [Symbol.dispose](): void {
    for (const { descriptor } of this.#levels) closeSync(descriptor);
    closeSync(this.#root);
  }

  #current(): number {
    return this.#levels.at(-1)?.descriptor ?? this.#root;
  }

  #leave(depth: number): void {
    while (this.#levels.length > depth) {
      const level = this.#levels.pop();
      if (level === undefined) return;
      try {
        if (level.attributes !== undefined) apply(level.descriptor, level.attributes);
      } catch (reason) {
        throw fileFailure('chmod', toText(level.name), reason);
      } finally {
        closeSync(level.descriptor);
      }
    }
  }
}

function openPlace(directory: number, name: string, make: boolean): number {
  const path = nameIn(directory, name);
  try {
    return openSync(path, PLACE);
  } catch (reason) {
    if (isErrno(reason, 'ENOTDIR', 'ELOOP')) {
      throw new CommandError(
        `refusing to copy to below ${JSON.stringify(toText(name))}, which is not a directory`,
      );
    }
    if (!make || !isErrno(reason, 'ENOENT')) throw fileFailure('open', toText(name), reason);
  }
  try {
    mkdirSync(path, 0o755);
    return openSync(path, PLACE);
  } catch (reason) {
    throw fileFailure('mkdir', toText(name), reason);
  }
}

/** Through the descriptor, so that it is this very directory. */
function apply(descriptor: number, attributes: FileAttributes): void {
  const place = `/proc/self/fd/${descriptor}`;
  const time = timeOf(attributes);
  if (attributes.owner !== undefined) chownSync(place, attributes.owner.uid, attributes.owner.gid);
  chmodSync(place, attributes.mode);
  utimesSync(place, time, time);
}
