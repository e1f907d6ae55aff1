import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { debianRoot } from '../fixtures/debian-root.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { Terminal } from '../fixtures/terminal.ts';
import { type Json, type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';

/**
 * Tutorials that people learn Docker from (2016 to 2020), command by command, with docker's command line and with ours. Docker Hub is a registry on
 * loopback, whose "ubuntu" and "nginx" are Debian's of today. The tutorial of 2014 is build-seeds.test.ts.
 */
const program = join(import.meta.dir, '../../sampan');

let daemon: TestDaemon;
let hub: DockerRegistry;
let app: string;
let settings: string;

/** As the image of nginx has it. */
const site = `server {
    listen 80;
    location / {
        root /usr/share/nginx/html;
        index index.html;
    }
}
`;

const nginx = `FROM ubuntu:14.04
RUN rm /etc/nginx/sites-enabled/default && mkdir -p /usr/share/nginx/html && echo 'Welcome to nginx!' >/usr/share/nginx/html/index.html
RUN ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log
COPY default.conf /etc/nginx/conf.d/default.conf
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
`;

beforeAll(async () => {
  const root = debianRoot(['nginx']);
  hub = await DockerRegistry.start();
  daemon = await TestDaemon.start(['--registry-mirror', hub.url]);
  app = join(daemon.home, 'app');
  settings = join(daemon.home, 'conf.d');
  for (const directory of [app, settings]) mkdirSync(directory);
  writeFileSync(join(settings, 'default.conf'), site);
  writeFileSync(join(settings, 'Dockerfile'), nginx);
  daemon.sampan('import', '--change', 'CMD ["/bin/bash"]', root, 'ubuntu:14.04');
  daemon.sampan('tag', 'ubuntu:14.04', 'ubuntu:latest');
  const built = daemon.run('sampan', ['build', '-q', '-t', 'nginx', settings]);
  if (built.status !== 0) throw new Error(built.stderr);
  for (const name of ['ubuntu:14.04', 'ubuntu:latest', 'nginx:latest']) {
    daemon.sampan('tag', name, `${hub.host}/library/${name}`);
    daemon.sampan('push', '-q', `${hub.host}/library/${name}`);
    daemon.sampan('rmi', name, `${hub.host}/library/${name}`);
  }
}, 300_000);

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await hub[Symbol.asyncDispose]();
}, 120_000);

afterEach(async () => {
  const { body } = await daemon.request('GET', '/containers/json?all=1');
  for (const { Id } of body) await daemon.request('DELETE', `/containers/${Id}?force=1&v=1`);
});

async function eventually<T>(what: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await what();
    } catch (error) {
      if (tries > 200) throw error;
      await Bun.sleep(50);
    }
  }
}

const page = (port = 80): Promise<string> =>
  eventually(async () => {
    const answer = await fetch(`http://localhost:${port}`);
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.text();
  });

for (const name of ['docker', 'sampan'] as const) {
  /** A line of a tutorial; it must succeed. */
  const typed = (line: string): string => {
    const { status, stdout, stderr } = outcome(line);
    if (status !== 0) throw new Error(`${line}: ${stderr}`);
    return stdout.trim();
  };
  const outcome = (line: string): Outcome => {
    const script = line.replace(/^docker /, `${name} `);
    const path = `${dirname(program)}:${process.env['PATH']}`;
    const host = `unix://${daemon.socket}`;
    const child = Bun.spawnSync(['bash', '-c', script], {
      env: { ...process.env, PATH: path, DOCKER_HOST: host, SAMPAN_HOST: host, APP: app, CONF: settings },
      stdin: 'ignore',
    });
    const { stdout, stderr, exitCode } = child;
    return { stdout: stdout.toString(), stderr: stderr.toString(), status: exitCode };
  };
  const terminal = (...words: string[]): Terminal => {
    const host = `unix://${daemon.socket}`;
    return new Terminal([name === 'docker' ? 'docker' : program, ...words], {
      DOCKER_HOST: host,
      SAMPAN_HOST: host,
    });
  };

  describe(`the notes of 2016, with ${name}`, () => {
    test('ask what there is', () => {
      expect(typed('docker info')).toContain('Server:');
      expect(typed('docker --version')).toMatch(/^\w+ version /);
    });
  });

  describe(`nginx under macOS of 2020, with ${name}`, () => {
    test('is searched for', () => {
      expect(typed(`docker search ${hub.host}/nginx`)).toContain('library/nginx');
    });

    test('is pulled and run, and gone by force', async () => {
      daemon.run('sampan', ['rmi', '-f', 'nginx']);
      const run = outcome('docker run --name nginx -d -p 80:80 nginx');
      expect(run.stdout).toMatch(/^[0-9a-f]{64}\n$/);
      expect(run.stderr).toContain("Unable to find image 'nginx:latest' locally\n");
      expect(run.stderr).toContain('Status: Downloaded newer image for nginx:latest\n');
      expect(await page()).toBe('Welcome to nginx!\n');
      expect(typed('docker ps')).toMatch(/^[0-9a-f]{12} +nginx .*Up .*0\.0\.0\.0:80->80\/tcp.* nginx$/m);
      expect(typed('docker rm -f nginx')).toBe('nginx');
      expect(typed('docker ps -a').split('\n')).toHaveLength(1);
      await expect(fetch('http://localhost:80')).rejects.toThrow();
    }, 60_000);

    test('serves a directory of the host, and logs', async () => {
      writeFileSync(join(app, 'index.html'), `It works with ${name}`);
      typed('docker run --name mynginx -d -p 80:80  -v $APP:/usr/share/nginx/html  nginx');
      expect(await page()).toBe(`It works with ${name}`);
      writeFileSync(join(app, 'index.html'), 'changed');
      expect(await page()).toBe('changed');
      const log = await eventually(async () => {
        const text = typed('docker logs mynginx');
        if (!text.includes('GET / HTTP/1.1')) throw new Error(text);
        return text;
      });
      expect(log).toMatch(/"GET \/ HTTP\/1\.1" 200/);
      const id = typed('docker container list -a | tail -1 | cut -c1-3');
      {
        await using shell = terminal('exec', '-it', 'mynginx', '/bin/bash');
        await shell.read(/root@[0-9a-f]{12}:\/# $/);
        shell.type('ls /etc/nginx/conf.d; nginx -t; exit\r');
        await shell.read(/default\.conf/);
        await shell.read(/test is successful/);
        expect(await shell.exited).toBe(0);
      }
      await using shell = terminal('exec', '-it', id, 'bash');
      await shell.read(/root@[0-9a-f]{12}:\/# $/);
      shell.type('cat /usr/share/nginx/html/index.html; exit 3\r');
      await shell.read(/changed/);
      expect(await shell.exited).toBe(3);
    }, 60_000);

    test('has its configuration from the host', async () => {
      writeFileSync(join(app, 'index.html'), 'from here');
      writeFileSync(join(settings, 'default.conf'), site.replace('index ', 'add_header X-Own yes; index '));
      typed(
        'docker run --name nginx -d -p 80:80  -v $APP:/usr/share/nginx/html -v $CONF/default.conf:/etc/nginx/conf.d/default.conf nginx',
      );
      expect(await page()).toBe('from here');
      expect((await fetch('http://localhost')).headers.get('x-own')).toBe('yes');
      writeFileSync(join(settings, 'default.conf'), site);
    });

    test('is published on a port of its own with -P', async () => {
      typed('docker run --name nginx -d -P nginx');
      const port = typed('docker port nginx 80').split('\n')[0]?.split(':').at(-1);
      expect(await page(Number(port))).toBe('Welcome to nginx!\n');
    });
  });

  describe(`the notes of 2017, with ${name}`, () => {
    test('pull an image and show it', () => {
      daemon.run('sampan', ['rmi', '-f', 'ubuntu:14.04', 'ubuntu:latest']);
      expect(typed('docker pull ubuntu:14.04')).toMatch(
        /Status: (Downloaded newer image|Image is up to date) for ubuntu:14.04/,
      );
      expect(typed('docker images')).toMatch(/^ubuntu +14\.04 +[0-9a-f]{12} +\w.* +\d+(\.\d+)?MB$/m);
    }, 60_000);

    test('create a container and start it by the first digits of its ID', async () => {
      const id = typed('docker create -it ubuntu:14.04');
      expect(typed('docker ps -a')).toMatch(new RegExp(`^${id.slice(0, 12)} +ubuntu:14.04 .* Created `, 'm'));
      expect(typed(`docker start  ${id.slice(0, 3)}`)).toBe(id.slice(0, 3));
      expect(typed('docker ps -q')).toBe(id.slice(0, 12));
      expect(typed('docker stop -t 0 $(docker ps -q)'.replace('$(docker', `$(${name}`))).toBe(
        id.slice(0, 12),
      );
    });

    test('run a command, a shell without a terminal, and a service', async () => {
      expect(typed('docker run ubuntu:14.04 /bin/echo "hello world"')).toBe('hello world');
      expect(typed('docker run ubuntu /bin/bash')).toBe('');
      const id = typed('docker run -d ubuntu sleep 1000');
      expect(typed('docker ps')).toContain('"sleep 1000"');
      expect(typed(`docker stop --time=0 ${id}`)).toEndWith(id);
      const [{ State }]: Json = JSON.parse(typed(`docker inspect ${id}`));
      expect(State).toMatchObject({ Status: 'exited', ExitCode: 137 });
    });

    test('join a container from two windows, which show the same', async () => {
      const id = typed('docker run -itd ubuntu');
      expect(typed('docker ps -a')).toContain('"/bin/bash"');
      await using one = terminal('attach', id);
      await using two = terminal('attach', '--detach-keys', 'ctrl-x,x', '--sig-proxy=true', id);
      one.type('\r');
      await one.read(/root@[0-9a-f]{12}:\/# /);
      await two.read(/root@[0-9a-f]{12}:\/# /);
      one.type('echo seen by $((40 + 2))\r');
      await two.read(/seen by 42/);
      await one.read(/seen by 42/);
      two.type('\x18x');
      expect(await two.exited).toBeGreaterThanOrEqual(0);
      await using watched = terminal('attach', '--no-stdin', id);
      await watched.read(/root@[0-9a-f]{12}:\/# /);
      one.type('echo still $((1 + 1))\r');
      await watched.read(/still 2/);
      one.type('exit\r');
      expect(await one.exited).toBe(0);
      expect(await watched.exited).toBe(0);
    });

    test('run more in a container, in every way', async () => {
      const id = typed('docker run -itd ubuntu');
      const short = id.slice(0, 4);
      expect(typed(`docker exec ${short} id -un`)).toBe('root');
      expect(typed(`docker exec -u www-data ${short} id -un`)).toBe('www-data');
      expect(typed(`docker exec --user=33:0 ${short} sh -c 'id -u; id -g'`)).toBe('33\n0');
      const capabilities = 'grep CapEff /proc/self/status';
      expect(typed(`docker exec ${short} ${capabilities}`)).toEndWith('00000000a80425fb');
      const [, own] = /^CapBnd:\t(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
      expect(typed(`docker exec --privileged ${short} ${capabilities}`)).toEndWith(own ?? '');
      expect(typed(`echo typed | docker exec -i ${short} cat`.replace('| docker', `| ${name}`))).toBe(
        'typed',
      );
      expect(typed(`docker exec -d ${short} touch /made`)).toBe('');
      await eventually(async () => typed(`docker exec ${short} ls /made`));
      await using shell = terminal('exec', '-it', short, '/bin/bash');
      await shell.read(/root@[0-9a-f]{12}:\/# $/);
      shell.type('tty; exit\r');
      await shell.read(/\/dev\/pts\/\d/);
      expect(await shell.exited).toBe(0);
    });
  });

  describe(`the networks of 2017, with ${name}`, () => {
    test('map ports, and link containers by variables and names', async () => {
      typed('docker run -d --name web nginx');
      const linked = typed('docker run --rm --link web:server ubuntu sh -c "env; cat /etc/hosts"');
      const address = typed("docker inspect --format '{{.NetworkSettings.IPAddress}}' web");
      expect(linked).toContain(`SERVER_PORT_80_TCP_ADDR=${address}`);
      expect(linked).toContain(`SERVER_PORT=tcp://${address}:80`);
      expect(linked).toMatch(/SERVER_NAME=\/\w+\/server/);
      expect(linked).toMatch(new RegExp(`^${address}\\tserver [0-9a-f]{12} web$`, 'm'));
      const fetched = `exec 3<>/dev/tcp/server/80; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; tail -1 <&3`;
      expect(typed(`docker run --rm --link web:server ubuntu bash -c "${fetched}"`)).toBe(
        'Welcome to nginx!',
      );
    });

    test('put one end of a pair into the container and the other on the bridge', async () => {
      typed('docker run -d --name web nginx');
      const pid = typed("docker inspect --format '{{.State.Pid}}' web");
      const ends = Bun.spawnSync(['ip', '-j', 'link', 'show', 'master', daemon.bridge]).stdout.toString();
      expect((JSON.parse(ends) as Json[]).map(({ ifname }) => ifname.slice(0, 4))).toEqual(['veth']);
      const inside = Bun.spawnSync(['nsenter', '-t', pid, '-n', 'ip', '-j', 'addr', 'show', 'eth0']);
      expect(JSON.parse(inside.stdout.toString())[0].addr_info[0].local).toBe(
        typed("docker inspect --format '{{.NetworkSettings.IPAddress}}' web"),
      );
    });
  });
}
