import type { Context } from '../../../base/context.ts';
import { isCode } from '../../../base/errors.ts';
import { toText } from '../../../oci/tar/entry.ts';
import type { TarHeader } from '../../../oci/tar/writer.ts';
import type { FileTree } from '../../file-tree.ts';
import { headersOf } from '../../files/headers-of.ts';
import { readFile } from '../../files/read-file.ts';
import { type Distribution, distributionOf } from './distribution.ts';
import type { FoundPackage } from './found-package.ts';
import { GoBuildInfo } from './go-build-info.ts';
import { readerOf } from './package-files.ts';

export interface ScannedImage {
  readonly distribution: Distribution;
  readonly packages: readonly PlacedPackage[];
  /** What was there and has not been read, each a sentence. */
  readonly omissions: readonly string[];
}

/** A package, and the file that says so. */
export interface PlacedPackage extends FoundPackage {
  readonly path: string;
}

export interface ScanLimits {
  /** Bytes of a file that lists packages, and of all of them together. */
  readonly file: number;
  readonly lists: number;
  readonly files: number;
  /** Bytes of all programs that are looked into together. */
  readonly programs: number;
  readonly packages: number;
}

const usual: ScanLimits = {
  ...{ file: 64 << 20, lists: 2 ** 30, programs: 2 ** 34 },
  ...{ files: 100_000, packages: 100_000 },
};

/** Programs of Go are larger. */
const MIN_PROGRAM = 256 << 10;
const RPM = /^(?:var\/lib|usr\/lib\/sysimage)\/rpm\/(?:Packages(?:\.db)?|rpmdb\.sqlite)$/;

/**
 * Finds what is installed in an image: packages of dpkg, apk, npm and Python, and the modules that Go's programs were built of. Files are
 * read as data and nothing in the image is run; what is too large or too much is left out and said so.
 */
export async function scanImage(
  context: Context,
  tree: FileTree,
  limits: ScanLimits = usual,
): Promise<ScannedImage> {
  const scan = new Scan(context, tree, limits);
  for await (const header of headersOf(context, tree, '/')) scan.consider(header);
  return scan.finish();
}

class Scan {
  readonly #context: Context;
  readonly #tree: FileTree;
  readonly #limits: ScanLimits;
  readonly #lists: string[] = [];
  readonly #programs: string[] = [];
  readonly #omissions = new Set<string>();
  readonly #packages: PlacedPackage[] = [];
  /** Bytes of programs that are looked into, and of lists that have been read: links may name one again and again. */
  #programBytes = 0;
  #listBytes = 0;

  constructor(context: Context, tree: FileTree, limits: ScanLimits) {
    this.#context = context;
    this.#tree = tree;
    this.#limits = limits;
  }

  /** The tree can only be read again when it has been listed. */
  consider({ type, name, size = 0, mode = 0 }: TarHeader): void {
    const isLink = type === 'symlink' || type === 'hardlink';
    if (type !== 'file' && !isLink) return;
    if (RPM.test(name)) this.#omissions.add(`The RPM database /${name} was not read.`);
    if (this.#lists.length + this.#programs.length >= this.#limits.files) {
      this.#omissions.add(`More than ${this.#limits.files} files may list packages.`);
    } else if (readerOf(name) !== undefined) {
      this.#lists.push(name);
    } else if (type === 'file' && (mode & 0o111) !== 0 && size >= MIN_PROGRAM) {
      this.#programBytes += size;
      if (this.#programBytes <= this.#limits.programs) this.#programs.push(name);
      else this.#omissions.add('Programs beyond the first ones were not looked into: they are too large.');
    }
  }

  async finish(): Promise<ScannedImage> {
    for (const name of this.#lists) this.#add(name, await this.#listed(name));
    for (const name of this.#programs) this.#add(name, await this.#builtOf(name));
    return {
      distribution: await distributionOf(this.#context, this.#tree),
      packages: this.#packages,
      omissions: [...this.#omissions].sort(),
    };
  }

  #add(name: string, found: readonly FoundPackage[]): void {
    const path = `/${toText(name)}`;
    for (const each of found) {
      if (this.#packages.length < this.#limits.packages) this.#packages.push({ ...each, path });
      else this.#omissions.add(`There are more than ${this.#limits.packages} packages.`);
    }
  }

  async #listed(name: string): Promise<readonly FoundPackage[]> {
    if (this.#listBytes > this.#limits.lists) {
      this.#omissions.add('Lists of packages beyond the first ones were not read: they are too large.');
      return [];
    }
    try {
      const bytes = await readFile(this.#context, this.#tree, `/${name}`, this.#limits.file);
      this.#listBytes += bytes?.length ?? 0;
      return bytes === undefined ? [] : (readerOf(name)?.(bytes.toString()) ?? []);
    } catch (error) {
      // Links in a circle are no list of packages.
      if (isCode(error, 'invalid-argument')) return [];
      if (!isCode(error, 'exhausted')) throw error;
      this.#listBytes += this.#limits.file;
      this.#omissions.add(`The file /${toText(name)} was not read: it is too large.`);
      return [];
    }
  }

  async #builtOf(name: string): Promise<readonly FoundPackage[]> {
    const info = new GoBuildInfo();
    for await (const part of this.#tree.read(this.#context, `/${name}`, () => true)) {
      if (part instanceof Uint8Array) info.add(part);
      if (info.isDone) break;
    }
    return info.finish();
  }
}
