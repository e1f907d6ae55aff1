import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prelude = join(import.meta.dir, 'prelude.sh');

const cleaning = `docker ps -aq | xargs -r docker rm -fv; docker volume ls -q | xargs -r docker volume rm -f
docker images --format '{{.Repository}}:{{.Tag}}' | grep -v -x -e busybox:latest -e '<none>:<none>' | xargs -r docker rmi -f; docker image prune -f`;

/** Plays a case's script on the daemon at `socket`; what it printed, line by line, comparable between daemons. */
export function play(socket: string, script: string): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'files-'));
  try {
    const output = shell(socket, directory, `. ${prelude}\n${script}`);
    return normalise(output, directory).split('\n').slice(0, -1);
  } finally {
    shell(socket, directory, cleaning);
    rmSync(directory, { recursive: true, force: true });
  }
}

function shell(socket: string, directory: string, script: string): string {
  const environment = { ...process.env, DOCKER_HOST: `unix://${socket}`, SOCKET: socket };
  const { stdout, error } = spawnSync('bash', ['-c', script], {
    cwd: directory,
    env: environment,
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 64 << 20,
  });
  if (error !== undefined) throw error;
  return stdout;
}

function normalise(output: string, directory: string): string {
  return (
    output
      .replaceAll(directory, '<dir>')
      // What the command line itself logs when the daemon did not want to hear more comes by chance.
      .replaceAll(/^time=.*on closed pipe"\n/gm, '')
      .replaceAll(/\b[0-9a-f]{64}\b/g, '<id>')
      .replaceAll(/\b[0-9a-f]{12}\b/g, '<short id>')
      .replaceAll(/[^ ]*\/overlay2\/<id>\/merged/g, '<root>')
      .replaceAll(/Successfully copied [^ ]+ to/g, 'Successfully copied some bytes to')
  );
}
