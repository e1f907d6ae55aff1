import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { background } from '../../base/context.ts';
import { silentLogger } from '../../base/log.ts';
import { DEFAULT_CAPABILITIES } from '../../oci/capabilities.ts';
import {
  DEFAULT_DEVICE_RULES,
  DEFAULT_DEVICES,
  defaultMounts,
  MASKED_PATHS,
  READONLY_PATHS,
} from '../../oci/defaults.ts';
import type { RuntimeSpec, SpecLinux, SpecProcess } from '../../oci/runtime-spec.ts';
import { defaultSeccompProfile } from '../../oci/seccomp-default.ts';
import type { CgroupLayout } from '../cgroup/layout.ts';
import { killBelow, removeTree } from '../cgroup/tree.ts';
import type { Attachment, Bundle, Exit, Runtime, Task } from '../contract.ts';
import { type LauncherProcess, openLauncher } from '../launcher.ts';
import { createRuntime } from '../runtime.ts';

/** SAMPAN_LAUNCHER names another launcher than the one that is built here, such as the one with sanitizers. */
const launcherBinary =
  process.env['SAMPAN_LAUNCHER'] ?? new URL('../../../build/sampan-launcher', import.meta.url).pathname;

export const context = background();

/** What a test says about its container; the rest is what Docker would have. */
export interface ContainerWishes {
  readonly process?: Partial<SpecProcess>;
  readonly linux?: Partial<SpecLinux>;
  readonly spec?: Partial<RuntimeSpec>;
  readonly bundle?: Partial<Bundle>;
}

export interface Finished {
  readonly exit: Exit;
  readonly stdout: string;
  readonly stderr: string;
}

/** A runtime of its own with a busybox root. Disposing removes everything it made. */
export class TestHost implements AsyncDisposable {
  readonly directory: string;
  readonly runtime: Runtime;
  readonly launcher: LauncherProcess;
  readonly cgroupParent: string;
  #started = 0;

  constructor(directory: string, launcher: LauncherProcess, runtime: Runtime, cgroupParent: string) {
    this.directory = directory;
    this.launcher = launcher;
    this.runtime = runtime;
    this.cgroupParent = cgroupParent;
  }

  static async open(cgroupLayout?: CgroupLayout): Promise<TestHost> {
    const directory = mkdtempSync(`${tmpdir()}/sampan-runtime-`);
    makeRoot(`${directory}/root`);
    const socket = `${directory}/launcher`;
    const launcher = await openLauncher({ binary: launcherBinary, socket, log: silentLogger });
    const cgroupParent = `/sampan-test-${process.pid}-${directory.slice(-6)}`;
    const runtime = await createRuntime({
      execRoot: `${directory}/run`,
      launcher,
      cgroupParent,
      ...(cgroupLayout === undefined ? {} : { cgroupLayout }),
      log: silentLogger,
    });
    return new TestHost(directory, launcher, runtime, cgroupParent);
  }

  /** A second daemon's runtime over the same state. */
  async reopen(): Promise<Runtime> {
    const { launcher, cgroupParent } = this;
    return createRuntime({ execRoot: `${this.directory}/run`, launcher, cgroupParent, log: silentLogger });
  }

  bundle(args: readonly string[], wishes: ContainerWishes = {}): Bundle {
    const id = (++this.#started).toString(16).padStart(64, '0');
    const writable = `${this.directory}/${this.#started}`;
    for (const name of ['upper', 'work', 'merged']) mkdirSync(`${writable}/${name}`, { recursive: true });
    return {
      id,
      spec: this.#spec(id, args, wishes),
      rootfs: [
        {
          op: 'overlay',
          target: `${writable}/merged`,
          layersDir: this.directory,
          lower: ['root'],
          upper: `${writable}/upper`,
          work: `${writable}/work`,
          options: [],
          attributes: 0,
        },
      ],
      rootTarget: `${writable}/merged`,
      network: {},
      streams: {
        terminal: wishes.process?.terminal ?? false,
        stdin: false,
        stdinOnce: false,
        size: { rows: 0, columns: 0 },
      },
      log: undefined,
      attach: [{ stdin: true, stdout: true, stderr: true, detachKeys: new Uint8Array(0) }],
      ...wishes.bundle,
    };
  }

  #spec(id: string, args: readonly string[], wishes: ContainerWishes): RuntimeSpec {
    const names = [...DEFAULT_CAPABILITIES];
    return {
      ociVersion: '1.2.0',
      process: {
        terminal: false,
        args,
        env: ['PATH=/bin:/sbin'],
        cwd: '/',
        user: { uid: 0, gid: 0 },
        capabilities: { bounding: names, effective: names, permitted: names, inheritable: [], ambient: [] },
        oomScoreAdj: 0,
        ...wishes.process,
      },
      root: { path: '/' },
      hostname: 'box',
      mounts: defaultMounts(),
      linux: {
        namespaces: (['mount', 'network', 'uts', 'pid', 'ipc'] as const).map((type) => ({ type })),
        devices: DEFAULT_DEVICES,
        cgroupsPath: `${this.cgroupParent}/${id}`,
        resources: { devices: DEFAULT_DEVICE_RULES },
        seccomp: defaultSeccompProfile,
        maskedPaths: MASKED_PATHS,
        readonlyPaths: READONLY_PATHS,
        ...wishes.linux,
      },
      ...wishes.spec,
    };
  }

  start(args: readonly string[], wishes?: ContainerWishes): Promise<Task> {
    return this.runtime.start(context, this.bundle(args, wishes));
  }

  /** Runs to the end. */
  async run(args: readonly string[], wishes?: ContainerWishes): Promise<Finished> {
    const task = await this.start(args, wishes);
    const [attachment] = task.attachments;
    const output = attachment === undefined ? { stdout: '', stderr: '' } : await outputOf(attachment);
    const exit = await task.exited;
    await this.runtime.forget(context, task.id);
    return { exit, ...output };
  }

  /** Standard output of a shell script. */
  async shell(script: string, wishes?: ContainerWishes): Promise<string> {
    const { stdout, stderr } = await this.run(['sh', '-c', script], wishes);
    return stdout + stderr;
  }

  async end(task: Task): Promise<Exit> {
    await task.signal(context, 9).catch(() => {});
    const exit = await task.exited;
    await this.runtime.forget(context, task.id);
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.launcher[Symbol.asyncDispose]();
    for (const directory of groupDirectories(this.cgroupParent)) {
      await killBelow(context, directory);
      removeTree(directory);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Directories of the test's parent group, in whichever hierarchies the host has. */
export function groupDirectories(group: string): string[] {
  const bases = ['', ...readdirSync('/sys/fs/cgroup').map((name) => `/${name}`)];
  return bases.map((base) => `/sys/fs/cgroup${base}${group}`).filter((path) => existsSync(path));
}

function makeRoot(root: string): void {
  for (const name of ['bin', 'etc', 'tmp', 'dev', 'proc', 'sys', 'home', 'var']) {
    mkdirSync(`${root}/${name}`, { recursive: true });
  }
  copyFileSync('/bin/busybox', `${root}/bin/busybox`);
  const applets = Bun.spawnSync(['/bin/busybox', '--list']).stdout.toString().split('\n').filter(Boolean);
  for (const applet of applets) {
    if (applet !== 'busybox') symlinkSync('busybox', `${root}/bin/${applet}`);
  }
  writeFileSync(`${root}/etc/passwd`, 'root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n');
  writeFileSync(`${root}/etc/group`, 'root:x:0:\nann:x:1000:\nstaff:x:50:ann\nextra:x:60:\n');
}

/** Everything that comes until the end, parted by Docker's frame headers. */
export async function outputOf(attachment: Attachment): Promise<{ stdout: string; stderr: string }> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of attachment.frames) chunks.push(chunk.slice());
  const bytes = Buffer.concat(chunks);
  const output = { stdout: '', stderr: '' };
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32BE(at + 4);
    output[bytes[at] === 2 ? 'stderr' : 'stdout'] += bytes.toString('utf8', at + 8, at + 8 + size);
    at += 8 + size;
  }
  return output;
}
