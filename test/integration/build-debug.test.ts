import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Terminal } from '../fixtures/terminal.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** `sampan build --debug`: a shell in the step that a build fails at. */

const sampan = join(import.meta.dir, '../../sampan');

let daemon: TestDaemon;
let home: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-debug-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function write(name: string, ...lines: readonly string[]): void {
  writeFileSync(join(home, name), `${lines.join('\n')}\n`);
}

function build(...args: readonly string[]): Terminal {
  return new Terminal([sampan, 'build', ...args, home], { SAMPAN_HOST: `unix://${daemon.socket}` });
}

/** Arguments of all processes of the machine. */
function processes(): string[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      return /^\d+$/.test(name) ? [readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')] : [];
    } catch {
      return [];
    }
  });
}

const sandboxes = (): string[] => readdirSync(join(daemon.home, 'data/snapshots')).flatMap(below);

function below(directory: string): string[] {
  const path = join(daemon.home, 'data/snapshots', directory);
  try {
    return readdirSync(path).filter((name) => name.startsWith('build-'));
  } catch {
    return [];
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 500) throw new Error('it never came');
    await Bun.sleep(10);
  }
}

/** Shells may ask then where the cursor is. */
const PROMPT = /[#$] (\x1b\[6n)?$/;

describe('a shell in a failed step', () => {
  test('has what the step had, as the step left it, and the build fails when it ends', async () => {
    write('token', 'a secret');
    write(
      'Dockerfile',
      'FROM busybox',
      'ENV COLOUR=red',
      'RUN mkdir /work && chown www-data /work',
      'USER www-data',
      'WORKDIR /work',
      'RUN --mount=type=secret,id=token,uid=33 --mount=type=cache,target=/kept,mode=0777 \\',
      '  --mount=type=bind,source=Dockerfile,target=/the-file \\',
      '  echo half > made; echo kept > /kept/file; exit 3',
    );
    await using terminal = build('--debug', '--secret', `id=token,src=${join(home, 'token')}`);
    await terminal.read(/exit code: 3\r\n.*runs in the failed step/);
    await terminal.read(PROMPT);
    terminal.type(
      'echo $COLOUR $(id -un) $(pwd) $(cat made /kept/file /run/secrets/token) $(wc -l </the-file).\r',
    );
    await terminal.read(/red www-data \/work half kept a secret 8\.\r\n/);
    terminal.type('tty; stty size; ls /sys/class/net\r');
    await terminal.read(/\/dev\/pts\/0\r\n24 80\r\neth0/);
    terminal.resize(100, 40);
    terminal.type('until [ "$(stty size)" = "40 100" ]; do sleep 0.02; done; echo resized\r');
    await terminal.read(/\nresized\r\n/);
    // The keys that leave a container are the shell's here.
    terminal.type('echo ready; cat -v\r');
    await terminal.read(/\nready\r\n/);
    terminal.type('\x10\x11gone?\r');
    await terminal.read(/\n\^Pgone\?\r\n/);
    terminal.type('\x04');
    terminal.type('exit 9\r');
    await terminal.read(/Dockerfile:6\r\n/);
    await terminal.read(/ERROR: failed to build: .* exit code: 3\r\n/);
    expect(await terminal.exited).toBe(3);
    expect(sandboxes()).toEqual([]);
    expect(daemon.sampan('images', '-q').split('\n')).toHaveLength(1);
  });

  test('finds what the step wrote to its mounts', async () => {
    write('Dockerfile', 'FROM busybox', 'RUN --mount=target=/context,rw echo here > /context/new; exit 1');
    await using terminal = build('-D');
    await terminal.read(PROMPT);
    terminal.type('cat /context/new; ls /context; exit\r');
    await terminal.read(/\nhere\r\n/);
    await terminal.read(/Dockerfile.*new/);
    expect(await terminal.exited).toBe(1);
    expect(sandboxes()).toEqual([]);
  });

  test('leaves no secret behind', async () => {
    const secret = `whispered-${randomBytes(16).toString('hex')}`;
    write(
      'Dockerfile',
      'FROM busybox',
      'RUN --mount=type=secret,id=s,env=S --mount=type=secret,id=s,target=/s false',
    );
    await using terminal = new Terminal([sampan, 'build', '-D', '--secret', 'id=s,env=WHISPERED', home], {
      SAMPAN_HOST: `unix://${daemon.socket}`,
      WHISPERED: secret,
    });
    await terminal.read(PROMPT);
    terminal.type('echo "$S" $(cat /s)\r');
    await terminal.read(new RegExp(`${secret} ${secret}\r\n`));
    const found = (): string => Bun.spawnSync(['grep', '-rlF', secret, daemon.home]).stdout.toString();
    expect(found()).toBe('');
    terminal.type('exit\r');
    expect(await terminal.exited).toBe(1);
    expect(found()).toBe('');
  });

  test('is another command where one is asked for', async () => {
    write('Dockerfile', 'FROM busybox', 'RUN false');
    const invoke = 'entrypoint=sh,"args=[""-c"",""id -un; pwd; env""]",env=A=b,user=www-data,cwd=/tmp';
    await using terminal = build('--invoke', invoke);
    await terminal.read(/\r\nwww-data\r\n\/tmp\r\n/);
    await terminal.read(/\nA=b\r\n/);
    expect(await terminal.exited).toBe(1);
  });

  test('is in the stage as it was before a step that runs nothing', async () => {
    write('Dockerfile', 'FROM busybox', 'RUN echo before > /made', 'WORKDIR /there', 'COPY missing /');
    await using terminal = build('-D');
    await terminal.read(/"\/missing": not found/);
    await terminal.read(PROMPT);
    terminal.type('cat /made; pwd; exit\r');
    await terminal.read(/\nbefore\r\n\/there\r\n/);
    expect(await terminal.exited).toBe(1);
    expect(sandboxes()).toEqual([]);
  });

  test.each([
    ['a download', 'ADD http://127.0.0.1:1/none /x'],
    ['a mount', 'RUN --mount=type=secret,id=none,required true'],
  ])('is in the stage where %s fails, once that is made', async (_what, line) => {
    write('Dockerfile', 'FROM busybox', 'RUN sleep 0.3; echo before > /made', line, 'RUN echo never');
    await using terminal = build('-D', '--no-cache', '--progress', 'plain');
    await terminal.read(PROMPT);
    terminal.type('cat /made; exit\r');
    await terminal.read(/\nbefore\r\n/);
    await terminal.read(/Dockerfile:3\r\n/);
    expect(await terminal.exited).toBe(1);
    expect(sandboxes()).toEqual([]);
  });

  test('is where a command cannot be started, too', async () => {
    write('Dockerfile', 'FROM busybox', 'RUN ["missing-program"]');
    await using terminal = build('-D');
    await terminal.read(PROMPT);
    terminal.type('echo here; exit\r');
    await terminal.read(/\nhere\r\n/);
    expect(await terminal.exited).not.toBe(0);
  });

  test('cannot be had where there is no shell, which is said', async () => {
    write('Dockerfile', 'FROM scratch', 'COPY missing /');
    await using terminal = build('-D');
    await terminal.read(/no shell can be opened in the failed step: .*\/bin\/sh/);
    await terminal.read(/ERROR: failed to build/);
    expect(await terminal.exited).toBe(1);
  });

  test('stops what else is built, and is opened once', async () => {
    write(
      'Dockerfile',
      'FROM busybox AS slow',
      'RUN sleep 4711',
      'FROM busybox AS bad',
      'RUN sleep 0.3; exit 5',
      'FROM busybox',
      'COPY --from=slow / /',
      'COPY --from=bad / /',
    );
    await using terminal = build('-D', '--progress', 'plain');
    await terminal.read(PROMPT);
    await until(() => !processes().some((line) => line.includes('sleep 4711')));
    terminal.type('exit\r');
    await terminal.read(/exit code: 5\r\n$/);
    expect(await terminal.exited).toBe(5);
  });

  test('is not for those without a terminal, whose build fails as usual', () => {
    write('Dockerfile', 'FROM busybox', 'RUN exit 4');
    const { status, stderr } = daemon.run('sampan', ['build', '--debug', home]);
    expect(status).toBe(4);
    expect(stderr).toContain('--debug opens no shell');
  });
});

describe('what a shell in a failed step was', () => {
  test('goes with its client', async () => {
    write('Dockerfile', 'FROM busybox', 'RUN false');
    {
      await using terminal = build('-D');
      await terminal.read(PROMPT);
      terminal.type('trap "" HUP TERM; sleep 4712\r');
      await until(() => processes().includes('sleep 4712 '));
    }
    await until(() => !processes().includes('sleep 4712 ') && sandboxes().length === 0);
  });

  test('goes with a daemon that is stopped, and with a build that is cancelled', async () => {
    write('Dockerfile', 'FROM busybox', 'RUN false');
    {
      await using terminal = build('-D');
      await terminal.read(PROMPT);
      terminal.type('trap "" HUP TERM; sleep 4714\r');
      await until(() => processes().includes('sleep 4714 '));
      await daemon.stopProcess('SIGTERM');
      expect(await terminal.exited).not.toBe(0);
      expect(processes()).not.toContain('sleep 4714 ');
      expect(sandboxes()).toEqual([]);
    }
    await daemon.startProcess();
    const archive = join(home, 'context.tar');
    expect(Bun.spawnSync(['tar', '-C', home, '-cf', archive, 'Dockerfile']).success).toBe(true);
    const answer = await fetch('http://d/build?progress=events&debug=1&buildid=debugged', {
      ...{ unix: daemon.socket, method: 'POST', body: Bun.file(archive) },
      headers: { 'Content-Type': 'application/x-tar' },
    });
    const decoder = new TextDecoder();
    let said = '';
    for await (const chunk of answer.body ?? []) {
      const isKept = said.includes('"shell":');
      said += decoder.decode(chunk, { stream: true });
      if (!isKept && said.includes('"shell":')) {
        expect(sandboxes()).not.toEqual([]);
        expect((await daemon.request('POST', '/build/cancel?id=debugged')).status).toBe(200);
      }
    }
    expect(said).toContain('"shell":');
    expect(said).toContain('"failure":');
    expect(sandboxes()).toEqual([]);
  });

  test('goes with a daemon that is killed, when the next one starts', async () => {
    write('Dockerfile', 'FROM busybox', 'RUN false');
    await using terminal = build('-D');
    await terminal.read(PROMPT);
    terminal.type('sleep 4713\r');
    await until(() => processes().includes('sleep 4713 '));
    await daemon.stopProcess('SIGKILL');
    expect(await terminal.exited).not.toBe(0);
    await daemon.startProcess();
    await until(() => !processes().includes('sleep 4713 ') && sandboxes().length === 0);
  });
});

describe('POST /build/shells/{id}/start', () => {
  test('knows only failed steps', async () => {
    expect(await daemon.request('POST', '/build/shells/x/start', {})).toEqual({
      status: 404,
      body: { message: 'no such shell: x' },
    });
  });
});
