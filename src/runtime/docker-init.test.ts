import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

let directory: string;
let init: string;

beforeAll(async () => {
  const made = Bun.spawnSync(['sh', join(import.meta.dir, '../../scripts/build-native.sh')]);
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  directory = await mkdtemp(join(tmpdir(), 'sampan-init-'));
  init = join(directory, 'docker-init');
  await symlink(resolve(import.meta.dir, '../../build/sampan-launcher'), init);
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

function run(...argv: string[]): { code: number | null; stdout: string; stderr: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([init, '--', ...argv], { stderr: 'pipe' });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

describe('docker-init', () => {
  test('ends with the code of its program', () => {
    expect(run('sh', '-c', 'echo $0; exit 12', 'argument')).toEqual({
      code: 12,
      stdout: 'argument\n',
      stderr: '',
    });
  });

  test('ends with 128 plus the signal that ended its program', () => {
    expect(run('sh', '-c', 'kill -TERM $$').code).toBe(143);
  });

  test('says as tini does that a program is not there, and ends with 127', () => {
    const { code, stderr } = run('/nonexistent');
    expect(code).toBe(127);
    expect(stderr).toMatch(/^\[FATAL tini \(\d+\)\] exec \/nonexistent failed: No such file or directory\n$/);
  });

  test('ends with 126 when a program cannot be run', () => {
    expect(run('/etc/passwd').code).toBe(126);
  });

  test('passes signals on', async () => {
    const script = 'trap "echo usr1; exit 5" USR1; echo ready; while :; do sleep 0.01; done';
    const child = Bun.spawn([init, '--', 'sh', '-c', script], { stdout: 'pipe' });
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill('SIGUSR1');
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('usr1\n');
    expect(await child.exited).toBe(5);
  });

  test('reaps orphans as the first process of a PID namespace', () => {
    const orphan = '(sleep 0.05 & echo $! > pid)';
    const script = `${orphan}; while [ -e /proc/$(cat pid) ]; do :; done; echo reaped`;
    const { stdout } = Bun.spawnSync(
      ['unshare', '--pid', '--fork', '--mount-proc', init, '--', 'sh', '-c', script],
      { cwd: directory },
    );
    expect(stdout.toString()).toBe('reaped\n');
  });
});
