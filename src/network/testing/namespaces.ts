import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { silentLogger } from '../../base/log.ts';
import { type LauncherProcess, openLauncher } from '../../runtime/launcher.ts';

const ownLauncher = join(import.meta.dir, '../../../build/sampan-launcher');

/** A network namespace of a test's own, with a launcher in it; disposing removes both. */
export interface TestNamespace extends AsyncDisposable {
  readonly name: string;
  readonly launcher: LauncherProcess;
  /** For files that go with it. */
  readonly directory: string;
  /** What a command prints there; throws with what it complained of when it fails. */
  run(...command: readonly string[]): Promise<string>;
  /** A command that goes on there until it is killed. */
  spawn(...command: readonly string[]): Bun.Subprocess<'pipe', 'pipe', 'pipe'>;
}

/** Named namespaces so that `ip` can connect them. SAMPAN_LAUNCHER names another launcher than is built here, as the one with sanitizers. */
export async function openNamespace(label: string): Promise<TestNamespace> {
  const name = `sampan-${process.pid}-${label}`;
  const directory = await mkdtemp(join(tmpdir(), 'sampan-network-'));
  await command(['ip', 'netns', 'add', name]);
  const binary = resolve(process.env['SAMPAN_LAUNCHER'] ?? ownLauncher);
  const wrapper = join(directory, 'launcher');
  await writeFile(wrapper, `#!/bin/sh\nexec nsenter --net=/run/netns/${name} ${binary} "$@"\n`);
  await chmod(wrapper, 0o755);
  const socket = join(directory, 'launcher.sock');
  const launcher = await openLauncher({ binary: wrapper, socket, log: silentLogger });
  const inside = ['nsenter', `--net=/run/netns/${name}`];
  await command([...inside, 'ip', 'link', 'set', 'lo', 'up']);
  return {
    name,
    launcher,
    directory,
    run: (...words) => command([...inside, ...words]),
    spawn: (...words) => Bun.spawn([...inside, ...words], { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' }),
    async [Symbol.asyncDispose]() {
      await launcher[Symbol.asyncDispose]();
      await command(['ip', 'netns', 'del', name]);
      await rm(directory, { recursive: true });
    },
  };
}

export async function command(words: readonly string[]): Promise<string> {
  const child = Bun.spawn([...words], { stdout: 'pipe', stderr: 'pipe' });
  const [output, complaint, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (status !== 0) throw new Error(`${words.join(' ')}: ${complaint.trim() || `status ${status}`}`);
  return output;
}
