import { expect } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../../src/base/context.ts';
import * as k from '../../src/plan/constants.ts';
import type { PlanFailure } from '../../src/plan/contract.ts';
import { HOST, type Operation, type Plan } from '../../src/plan/operations.ts';
import { PlanError } from '../../src/plan/plan-error.ts';
import { type LauncherProcess, openLauncher } from '../../src/runtime/launcher.ts';
import type { FinishedPlan } from '../../src/runtime/plan-connection.ts';
import { makeBusyboxRoot } from '../../test/fixtures/busybox-root.ts';

const build = join(import.meta.dir, '../../build');

/** The launchers that every test here runs against: the one named in SAMPAN_LAUNCHER, else the released and the sanitized one. */
export const binaries: readonly string[] =
  process.env.SAMPAN_LAUNCHER === undefined
    ? [join(build, 'sampan-launcher'), join(build, 'sampan-launcher-asan')]
    : [process.env.SAMPAN_LAUNCHER];

/** A launcher, a directory, and a busybox root in it. Disposing checks that no sanitizer complained and that nothing is left mounted. */
export class Fixture implements AsyncDisposable {
  readonly directory: string;
  readonly root: string;
  readonly launcher: LauncherProcess;

  private constructor(directory: string, launcher: LauncherProcess) {
    this.directory = directory;
    this.root = join(directory, 'root');
    this.launcher = launcher;
  }

  static async open(binary: string): Promise<Fixture> {
    const directory = mkdtempSync(join(tmpdir(), 'sampan-native-'));
    const reports = join(directory, 'sanitizer');
    process.env.ASAN_OPTIONS = `detect_leaks=0:log_path=${reports}`;
    process.env.UBSAN_OPTIONS = `print_stacktrace=1:log_path=${reports}`;
    const log = background().log;
    const opening = openLauncher({ binary, socket: join(directory, 'launcher.sock'), log });
    opening.catch(() => rmSync(directory, { recursive: true }));
    const launcher = await opening;
    const fixture = new Fixture(directory, launcher);
    mkdirSync(fixture.root);
    makeBusyboxRoot(fixture.root);
    mkdirSync(join(fixture.root, 'out'));
    return fixture;
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  run(plan: Partial<Plan>): Promise<FinishedPlan> {
    return this.launcher.runToEnd(background(), plan);
  }

  /** Runs steps of the before stage with the busybox root in slot 0. */
  below(...steps: Operation[]): Promise<FinishedPlan> {
    return this.run({ before: [this.openRoot(), ...steps] });
  }

  /** The failure of a plan that is meant to fail. */
  async failure(plan: Partial<Plan>): Promise<PlanFailure> {
    try {
      await this.run(plan);
    } catch (error) {
      if (error instanceof PlanError) return error.failure;
      throw error;
    }
    throw new Error('the plan did not fail');
  }

  openRoot(): Operation {
    const flags = k.O_PATH | k.O_DIRECTORY;
    return { op: 'open', slot: 0, dir: HOST, path: this.root, flags, mode: 0, resolve: 0 };
  }

  /** A container of the busybox root: `script` runs in it after `steps`; `container` tells what it wrote to /out/log. */
  container(script: string, steps: readonly Operation[] = [], rest: Partial<Plan> = {}): Plan {
    return this.containerOf(['sh', '-c', `exec > /out/log 2>&1\n${script}`], steps, rest);
  }

  containerOf(argv: readonly string[], steps: readonly Operation[], rest: Partial<Plan> = {}): Plan {
    const flags = k.CLONE_NEWNS | k.CLONE_NEWPID | k.CLONE_NEWIPC | k.CLONE_NEWUTS | k.CLONE_NEWNET;
    return {
      before: [...(rest.before ?? []), { op: 'clone', flags, cgroup: -1 }],
      parent: rest.parent ?? [],
      child: [
        ...this.mounts(),
        { op: 'pivot', root: 0 },
        ...steps,
        { op: 'exec', argv, env: ['PATH=/bin', 'TERM=dumb'] },
      ],
      after: rest.after ?? [],
    };
  }

  /** Runs `container` and returns the lines that it wrote. */
  async output(
    script: string,
    steps: readonly Operation[] = [],
    rest: Partial<Plan> = {},
  ): Promise<string[]> {
    await this.run(this.container(script, steps, rest));
    return readFileSync(join(this.root, 'out/log'), 'utf8').trimEnd().split('\n');
  }

  /** The root in slot 0 with /proc, /dev and a few devices. */
  mounts(): Operation[] {
    const tmpfs = { propagation: 0, create: 1 } as const;
    return [
      {
        op: 'setAttributes',
        root: HOST,
        path: '/',
        set: 0,
        clear: 0,
        propagation: k.MS_SLAVE | k.MS_REC,
        recursive: 0,
      },
      bind({ sourcePath: this.root, root: HOST, path: this.root }),
      this.openRoot(),
      {
        op: 'mount',
        root: 0,
        path: '/proc',
        fstype: 'proc',
        source: 'proc',
        attributes: 0,
        options: [],
        ...tmpfs,
      },
      {
        op: 'mount',
        root: 0,
        path: '/dev',
        fstype: 'tmpfs',
        source: 'tmpfs',
        attributes: k.MOUNT_ATTR_NOSUID,
        options: ['mode=755', 'size=65536k'],
        ...tmpfs,
      },
      {
        op: 'mount',
        root: 0,
        path: '/dev/pts',
        fstype: 'devpts',
        source: 'devpts',
        attributes: k.MOUNT_ATTR_NOSUID | k.MOUNT_ATTR_NOEXEC,
        options: ['newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
        ...tmpfs,
      },
      {
        op: 'mknod',
        root: 0,
        path: '/dev/null',
        mode: k.S_IFCHR | 0o666,
        device: k.deviceNumber(1, 3),
        uid: 0,
        gid: 0,
      },
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.launcher[Symbol.asyncDispose]();
    // A sanitizer makes the directory of its reports, even for a program that has nothing to report.
    delete process.env.ASAN_OPTIONS;
    delete process.env.UBSAN_OPTIONS;
    const reports = readdirSync(this.directory).filter((name) => name.startsWith('sanitizer'));
    const complaints = reports.map((name) => readFileSync(join(this.directory, name), 'utf8')).join('\n');
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    const left = mounts.filter((line) => line.includes(this.directory));
    if (left.length === 0) rmSync(this.directory, { recursive: true });
    expect(complaints).toBe('');
    expect(left).toEqual([]);
    expect(existsSync(this.launcher.socket)).toBe(false);
  }
}

type Bind = Extract<Operation, { op: 'bind' }>;

/** A `bind` with the plainest arguments. */
export function bind(step: Pick<Bind, 'sourcePath' | 'root' | 'path'> & Partial<Bind>): Bind {
  return {
    op: 'bind',
    sourceDir: HOST,
    create: 1,
    recursive: 0,
    set: 0,
    clear: 0,
    recursiveAttributes: 0,
    propagation: 0,
    ...step,
  };
}

type Mount = Extract<Operation, { op: 'mount' }>;

/** A tmpfs at `path` below the root in slot 0. */
export function tmpfs(path: string, step: Partial<Mount> = {}): Mount {
  return {
    op: 'mount',
    root: 0,
    path,
    fstype: 'tmpfs',
    source: 'tmpfs',
    attributes: 0,
    options: [],
    propagation: 0,
    create: 1,
    ...step,
  };
}
