import { closeSync, createReadStream, ftruncateSync, openSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../../base/context.ts';
import { silentLogger } from '../../base/log.ts';
import { type LauncherProcess, openLauncher } from '../../runtime/launcher.ts';
import { type IndexerOptions, LayerIndexer } from '../erofs/layer-indexer.ts';

const context = background();

/** Runs a shell script as root with byte-wise locale; returns what it printed as a byte string. Fails with its errors. */
export function shell(directory: string, script: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(['bash', '-euc', script], {
    cwd: directory,
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (exitCode !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout.toString('latin1');
}

/** A directory to work in, and a launcher that mounts images there. */
export class KernelBench implements AsyncDisposable {
  readonly directory: string;
  readonly #launcher: LauncherProcess;
  readonly #mounts: string[] = [];

  private constructor(directory: string, launcher: LauncherProcess) {
    this.directory = directory;
    this.#launcher = launcher;
  }

  static async open(): Promise<KernelBench> {
    const directory = await mkdtemp(join(tmpdir(), 'sampan-erofs-'));
    const binary = join(import.meta.dir, '../../../build/sampan-launcher');
    const launcher = await openLauncher({ binary, socket: join(directory, 'socket'), log: silentLogger });
    return new KernelBench(directory, launcher);
  }

  shell(script: string): string {
    return shell(this.directory, script);
  }

  /** Indexes the archive `tar` (a name in the directory) into the file `image`. */
  async index(tar: string, image: string, options: IndexerOptions = {}): Promise<void> {
    await indexStream(createReadStream(join(this.directory, tar)), join(this.directory, image), options);
  }

  async mount(image: string, tar: string, target: string): Promise<void> {
    const path = join(this.directory, target);
    await mkdir(path, { recursive: true });
    const devices = [join(this.directory, tar)];
    await this.#launcher.run(context, {
      before: [{ op: 'erofs', image: join(this.directory, image), devices, target: path }],
    });
    this.#mounts.push(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const path of this.#mounts) {
      await this.#launcher.run(context, { before: [{ op: 'unmount', path, flags: 0 }] });
    }
    await this.#launcher[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function indexStream(
  source: AsyncIterable<Uint8Array>,
  path: string,
  options: IndexerOptions = {},
): Promise<void> {
  const file = openSync(path, 'w+');
  try {
    const sink = {
      write: (offset: number, bytes: Uint8Array) => void writeSync(file, bytes, 0, bytes.length, offset),
      resize: (length: number) => ftruncateSync(file, length),
    };
    const indexer = new LayerIndexer(sink, options);
    for await (const chunk of source) indexer.write(chunk);
    indexer.finish();
  } finally {
    closeSync(file);
  }
}

/**
 * Everything that can be seen of a tree, a line for each name: type, mode, owners, links, size, time, target; device
 * numbers; extended attributes; checksums of contents.
 */
export function inventory(directory: string): string[] {
  const format = '%P|%y|%m|%U|%G|%n|%T@|%l';
  const files = shell(directory, `find . -type d -printf '${format}\\0' -o -printf '${format}|%s\\0'`);
  const devices = shell(directory, `find . -type b,c -exec stat --printf 'device %n %t:%T\\0' {} +`);
  const contents = shell(directory, 'find . -type f -print0 | xargs -0r md5sum -z');
  const xattrs = shell(directory, 'getfattr -R -P -h -d -m - -e hex . 2>/dev/null || true');
  const attributes = xattrs.split('\n\n').map((block) => block.split('\n').sort().join(' '));
  return [files, devices, contents]
    .flatMap((text) => text.split('\0'))
    .concat(attributes)
    .sort();
}
