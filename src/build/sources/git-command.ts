import { join } from 'node:path';
import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';

/** Where the host's programs are. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** What git says that is kept for messages. */
const MAX_COMPLAINT = 4096;
const MAX_OUTPUT = 1 << 20;

/** Only these may be spoken, by submodules too: no "ext::", which is a command, and no "file", which is this host. */
const protocols = ['http', 'https', 'git', 'ssh'];

/** Said on every command line: nothing of the host's configuration, and nothing that a repository brings along, is run. */
const settings: readonly string[] = [
  'protocol.allow=never',
  ...protocols.map((protocol) => `protocol.${protocol}.allow=always`),
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'core.sshCommand=',
  'core.symlinks=true',
  'core.protectHFS=true',
  'core.protectNTFS=true',
  'credential.helper=',
  'init.templateDir=',
  'init.defaultBranch=main',
  'gc.auto=0',
  'maintenance.auto=false',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'advice.detachedHead=false',
  'http.followRedirects=initial',
  'safe.directory=*',
];

export interface GitOptions {
  /** Where it works. */
  readonly directory: string;
  /** An empty directory for what it wants to keep of its own: its home. */
  readonly home: string;
  /** An agent's socket on this host. */
  readonly agent: string | undefined;
  /** "Authorization: …" for one host, by the URL that it is for. */
  readonly header: { readonly url: string; readonly value: string } | undefined;
  readonly onOutput?: (bytes: Uint8Array) => void;
}

/**
 * Runs the host's git, and gives what it wrote. The caller puts "--" before everything that others have said. Fails with `unavailable` where git
 * is not installed, and with git's own words.
 */
export async function git(context: Context, args: readonly string[], options: GitOptions): Promise<string> {
  context.signal.throwIfAborted();
  const program = Bun.which('git', { PATH });
  if (program === null) {
    throw new SampanError('unavailable', 'git is not installed on this host', {
      hint: 'Install git where the daemon runs, or clone the repository and build from its directory.',
    });
  }
  const child = Bun.spawn([program, ...settings.flatMap((setting) => ['-c', setting]), ...args], {
    ...{ cwd: options.directory, env: environment(options), stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    // With all that it has started.
    detached: true,
  });
  const stop = (): void => endGroup(child.pid);
  context.signal.addEventListener('abort', stop);
  try {
    const [output, complaint, code] = await Promise.all([
      head(child.stdout, MAX_OUTPUT),
      head(child.stderr, MAX_COMPLAINT, options.onOutput),
      child.exited,
    ]);
    context.signal.throwIfAborted();
    if (code === 0) return output;
    throw new SampanError('unavailable', `git ${args[0]} failed: ${complaint.trim() || `exit code ${code}`}`);
  } finally {
    context.signal.removeEventListener('abort', stop);
    stop();
  }
}

function environment({ home, agent, header }: GitOptions): Record<string, string> {
  const hosts = join(home, 'known_hosts');
  const ssh = `ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=${hosts}`;
  // Not on the command line, which others can read.
  const secret =
    header === undefined
      ? undefined
      : {
          GIT_CONFIG_COUNT: '1',
          GIT_CONFIG_KEY_0: `http.${header.url}.extraHeader`,
          GIT_CONFIG_VALUE_0: header.value,
        };
  return {
    ...{ PATH, HOME: home, XDG_CONFIG_HOME: home, LC_ALL: 'C' },
    ...{
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_SYSTEM: '/dev/null',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_ATTR_NOSYSTEM: '1',
    },
    ...{
      GIT_TERMINAL_PROMPT: '0',
      GIT_ASKPASS: '/bin/false',
      SSH_ASKPASS: '/bin/false',
      GIT_ALLOW_PROTOCOL: protocols.join(':'),
    },
    ...{
      GIT_SSH_COMMAND: ssh,
      GIT_PROTOCOL_FROM_USER: '0',
      GIT_LFS_SKIP_SMUDGE: '1',
      GIT_NO_REPLACE_OBJECTS: '1',
    },
    ...(agent === undefined ? {} : { SSH_AUTH_SOCK: agent }),
    ...proxies(),
    ...secret,
  };
}

/** How this host reaches the web. */
function proxies(): Record<string, string> {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  return Object.fromEntries(
    names.flatMap((name): [string, string][] => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** The first bytes as text; the rest is read, or the writer would wait for ever. */
async function head(
  stream: ReadableStream<Uint8Array>,
  limit: number,
  onOutput?: (bytes: Uint8Array) => void,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    onOutput?.(chunk);
    if (size < limit) chunks.push(chunk.subarray(0, limit - size));
    size += chunk.length;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of them have ended.
  }
}
