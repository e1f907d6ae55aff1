import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isErrno } from '../../base/errno.ts';
import { messageOf } from '../../base/errors.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { CommandError } from '../command-error.ts';
import { decodeImageManifest, encodeImageManifest, type ImageManifest } from './image-manifest.ts';

/** A registry takes manifests of 4 MiB; kept, one is there twice, once in base64. */
const MAX_FILE_BYTES = 16 << 20;
const MAX_FILES = 1_024;

/**
 * Manifest lists that are being made, as Docker keeps them: a folder for each list, in it a file for each image, both called by their full
 * names with "/" as "_" and ":" as "-".
 */
export class ManifestStore {
  readonly #root: string;

  constructor(configDirectory: string) {
    this.#root = `${configDirectory}/manifests`;
  }

  /** The images of a list in the order of their names; undefined when there is no such list. */
  list(list: Reference): readonly ImageManifest[] | undefined {
    const folder = this.#folder(list);
    let names: string[];
    try {
      names = readdirSync(folder).sort();
    } catch (reason) {
      if (isErrno(reason, 'ENOENT')) return undefined;
      throw reason;
    }
    if (names.length > MAX_FILES) throw new CommandError(`${folder} has more than ${MAX_FILES} manifests`);
    return names.flatMap((name) => this.#read(`${folder}/${name}`) ?? []);
  }

  /** One image of a list. */
  get(list: Reference, image: Reference): ImageManifest | undefined {
    return this.#read(this.#file(list, image));
  }

  save(list: Reference, image: Reference, manifest: ImageManifest): void {
    mkdirSync(this.#folder(list), { recursive: true, mode: 0o755 });
    // Beside the lists, not in one: whatever is in a list is taken for a manifest.
    const temporary = `${this.#root}/.${process.pid}.tmp`;
    writeFileSync(temporary, encodeImageManifest(manifest), { mode: 0o644 });
    renameSync(temporary, this.#file(list, image));
  }

  remove(list: Reference): void {
    rmSync(this.#folder(list), { recursive: true, force: true });
  }

  #read(path: string): ImageManifest | undefined {
    try {
      if (statSync(path).size > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES} bytes`);
      return decodeImageManifest(readFileSync(path, 'utf8'));
    } catch (reason) {
      if (isErrno(reason, 'ENOENT')) return undefined;
      throw new CommandError(`invalid manifest file ${path}: ${messageOf(reason)}`);
    }
  }

  #folder(list: Reference): string {
    return `${this.#root}/${fileName(list)}`;
  }

  #file(list: Reference, image: Reference): string {
    return `${this.#folder(list)}/${fileName(image)}`;
  }
}

function fileName(reference: Reference): string {
  return formatReference(reference).replaceAll(':', '-').replaceAll('/', '_');
}

export function noSuchManifest(reference: Reference): CommandError {
  return new CommandError(`No such manifest: ${formatReference(reference)}`);
}
