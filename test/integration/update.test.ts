import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import {
  ask,
  askDatagram,
  askUntilAnswered,
  HOST,
  NeighbouredDaemon,
} from '../fixtures/neighboured-daemon.ts';
import { buildStaticProgram } from '../fixtures/static-program.ts';
import type { Json, TestDaemon } from '../fixtures/test-daemon.ts';

/** Changing a container that lives: what is so at once, what comes with the next start, and that it is all or nothing. */

const TWO_SERVERS = 'nc -ll -p 80 -e cat & nc -ll -p 81 -e echo second';

let hosts: NeighbouredDaemon;
let daemon: TestDaemon;

beforeAll(async () => {
  hosts = await NeighbouredDaemon.start();
  daemon = hosts.daemon;
});
afterAll(() => hosts[Symbol.asyncDispose]());

function update(id: string, ...flags: string[]): string[] {
  const [, ...lines] = daemon.sampan('update', ...flags, id).split('\n');
  return lines;
}

function open(port: number, host = '127.0.0.1'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => resolve(socket));
    socket.on('error', reject);
  });
}

function echoed(socket: Socket, text: string): Promise<string> {
  const answer = new Promise<string>((resolve, reject) => {
    socket.once('data', (bytes) => resolve(String(bytes).trim()));
    socket.once('close', () => reject(new Error('closed')));
  });
  socket.write(`${text}\n`);
  return answer;
}

describe('ports of a container that runs', () => {
  test('are added and removed, while it and connections by other ports live on', async () => {
    using web = hosts.run(TWO_SERVERS, '-p', '18301:80');
    const { State, Id } = hosts.inspect(web.id);
    await askUntilAnswered(18301);
    const [near, far] = [await open(18301), await open(18301, HOST)];
    expect(update(web.id, '--publish-add', '18302:81', '--publish-add', '127.0.0.1:18303:80')).toEqual([
      'publish 18302:81/tcp: now',
      'publish 127.0.0.1:18303:80/tcp: now',
    ]);
    expect([await askUntilAnswered(18302), hosts.askFromOutside(18302)]).toEqual(['second', 'second']);
    expect([await ask(18303), hosts.askFromOutside(18303)]).toEqual(['hello', '']);
    expect(daemon.sampan('port', web.id, '81')).toBe('0.0.0.0:18302\n[::]:18302');
    expect(daemon.sampan('ps', '--format', '{{.Ports}}')).toContain('127.0.0.1:18303->80/tcp');
    expect(update(web.id, '--publish-rm', '18302:81')).toEqual(['publish 18302:81/tcp removed: now']);
    expect([await ask(18302), hosts.askFromOutside(18302)]).toEqual(['ECONNREFUSED', '']);
    for (const socket of [near, far]) {
      expect(await echoed(socket, 'still')).toBe('still');
      socket.destroy();
    }
    expect(hosts.inspect(web.id)).toMatchObject({
      Id,
      State: { Pid: State.Pid, StartedAt: State.StartedAt },
    });
  });

  test('are chosen from what is free, and stay until they are removed by their number', async () => {
    using web = hosts.run(TWO_SERVERS);
    update(
      web.id,
      '--publish-add',
      '80',
      '--publish-add',
      '18310-18312:80',
      '--publish-add',
      '18313-18314:80-81',
    );
    const chosen = hosts.portsOf(web.id).filter((port) => port.includes('0.0.0.0'));
    expect(chosen).toHaveLength(4);
    const [any = ''] = chosen.map((port) => port.split(' ')[2] ?? '').filter((port) => Number(port) > 20_000);
    expect(await askUntilAnswered(Number(any))).toBe('hello');
    update(web.id, '--publish-rm', `${any}:80`);
    expect(hosts.portsOf(web.id).some((port) => port.endsWith(` ${any}`))).toBe(false);
    update(web.id, '--publish-rm', '80');
    expect(hosts.portsOf(web.id)).toEqual(['81/tcp 0.0.0.0 18314', '81/tcp :: 18314']);
  });

  test('that are published with all exposed ones are removed one by one', async () => {
    using web = hosts.run(TWO_SERVERS, '-P', '--expose', '80', '--expose', '81');
    const kept = hosts.portsOf(web.id).filter((port) => port.startsWith('81/'));
    update(web.id, '--publish-rm', '80');
    expect(hosts.portsOf(web.id)).toEqual(kept);
  });

  test('carry UDP', async () => {
    using echo = hosts.run('exec /echo 9', '-v', `${buildStaticProgram('udp-echo')}:/echo:ro`);
    update(echo.id, '--publish-add', '18320:9/udp');
    expect([await askDatagram(18320, '127.0.0.1'), await askDatagram(18320, HOST)]).toEqual(['ping', 'ping']);
    update(echo.id, '--publish-rm', '18320:9/udp');
    expect(hosts.firewalled()).toEqual([]);
    // Free for others, at every address.
    const other = createSocket('udp4');
    await new Promise<void>((resolve) => other.bind(18320, () => resolve()));
    other.close();
  });

  test('are the same after a restart, of the container and of the daemon', async () => {
    using web = hosts.run(TWO_SERVERS, '-p', '18330:80');
    update(web.id, '--publish-add', '18331:81', '--publish-rm', '18330:80', '--publish-add', '80');
    const before = hosts.portsOf(web.id);
    await daemon.stopProcess('SIGKILL');
    expect(await askUntilAnswered(18331)).toBe('second');
    await daemon.startProcess();
    expect(hosts.portsOf(web.id)).toEqual(before);
    expect([await askUntilAnswered(18331), hosts.askFromOutside(18331)]).toEqual(['second', 'second']);
    expect(await ask(18330)).toBe('ECONNREFUSED');
    daemon.sampan('restart', '-t', '0', web.id);
    expect(await askUntilAnswered(18331)).toBe('second');
    expect(hosts.portsOf(web.id).filter((port) => port.startsWith('81/'))).toEqual([
      '81/tcp 0.0.0.0 18331',
      '81/tcp :: 18331',
    ]);
  });

  test('are there after a restart, be they as many as it may have', async () => {
    using web = hosts.run('nc -ll -p 21999 -e echo last', '-v', '/one', '-v', '/two');
    expect(update(web.id, '--publish-add', '20000-21999:20000-21999')).toHaveLength(2000);
    expect([await askUntilAnswered(21999), hosts.askFromOutside(21999)]).toEqual(['last', 'last']);
    daemon.sampan('restart', '-t', '0', web.id);
    expect([await askUntilAnswered(21999), hosts.askFromOutside(21999)]).toEqual(['last', 'last']);
  });

  test('leave nothing in the firewall when it ends while no daemon is there', async () => {
    using web = hosts.run(TWO_SERVERS, '-p', '18340:80');
    update(web.id, '--publish-add', '18341:81', '--publish-rm', '18340:80');
    expect(hosts.firewalled()).toEqual([18341]);
    const pid = hosts.inspect(web.id).State.Pid;
    await daemon.stopProcess('SIGKILL');
    process.kill(pid, 'SIGKILL');
    for (let tries = 0; tries < 200 && hosts.firewalled().length > 0; tries++) await Bun.sleep(25);
    expect(hosts.firewalled()).toEqual([]);
    await daemon.startProcess();
  });

  test('cannot be those of others: then nothing of the update is so', async () => {
    using web = hosts.run(TWO_SERVERS, '-p', '18350:80', '--label', 'kept=yes', '--memory', '64m');
    using _other = hosts.run('sleep 100', '-p', '18351:80');
    const program = createServer().listen(18352);
    const before = hosts.inspect(web.id);
    for (const taken of ['18351:81', '18352:81']) {
      const changes = [
        '--publish-rm',
        '18350:80',
        '--label',
        'a=b',
        '--memory',
        '70m',
        '--memory-swap',
        '-1',
      ];
      const { status, stderr } = daemon.run('sampan', ['update', '--publish-add', taken, ...changes, web.id]);
      expect([status, stderr]).toEqual([1, expect.stringContaining(`${taken.slice(0, 5)}`)]);
    }
    program.close();
    const refusals = [
      ['--publish-rm', '18999:80'],
      ['--publish-add', '18350:80'],
      ['--env-rm', 'NOTHING'],
      ['--label-rm', 'nothing'],
      ['--mount-rm', '/nothing'],
      ['--log-opt', 'max-file=0'],
      ['--memory', '1k'],
    ];
    for (const refused of refusals) {
      const { status } = daemon.run('sampan', ['update', '--publish-add', '18353:81', ...refused, web.id]);
      expect([refused, status]).toEqual([refused, 1]);
    }
    expect(hosts.inspect(web.id)).toEqual(before);
    expect([await askUntilAnswered(18350), await ask(18353)]).toEqual(['hello', 'ECONNREFUSED']);
    expect(hosts.firewalled()).toEqual([18350, 18351]);
  });

  test('follow its networks, wherever the default route goes', async () => {
    for (const name of ['first', 'second']) daemon.sampan('network', 'create', name);
    {
      using web = hosts.run(TWO_SERVERS, '-p', '18360:80');
      const answers = async () => [await askUntilAnswered(18360), hosts.askFromOutside(18360)];
      daemon.sampan('network', 'connect', 'first', web.id);
      daemon.sampan('network', 'disconnect', 'bridge', web.id);
      expect(await answers()).toEqual(['hello', 'hello']);
      daemon.sampan('network', 'connect', '--gw-priority', '1', 'second', web.id);
      expect(await answers()).toEqual(['hello', 'hello']);
      daemon.sampan('network', 'disconnect', 'first', web.id);
      expect(await answers()).toEqual(['hello', 'hello']);
      daemon.sampan('network', 'disconnect', 'second', web.id);
      expect([await ask(18360), hosts.askFromOutside(18360)]).toEqual(['ECONNREFUSED', '']);
      daemon.sampan('network', 'connect', 'bridge', web.id);
      expect(await answers()).toEqual(['hello', 'hello']);
      daemon.sampan('stop', '-t', '0', web.id);
      daemon.sampan('network', 'connect', 'first', web.id);
      daemon.sampan('network', 'disconnect', 'bridge', web.id);
      daemon.sampan('start', web.id);
      expect(await answers()).toEqual(['hello', 'hello']);
    }
    daemon.sampan('network', 'rm', 'first', 'second');
  });
});

describe('an update', () => {
  test('says what is so at once and what comes with the next start, which it does', async () => {
    using web = hosts.run('echo once >> /written; i=0; while :; do echo "line $((i++))"; usleep 20000; done');
    const changes = {
      ...{ Env: ['GREETING=hello'], Labels: { tier: 'front' }, Hostname: 'renamed', User: '1000:1000' },
      ...{ WorkingDir: '/tmp', StopTimeout: 1, Healthcheck: { Test: ['CMD', 'true'], Interval: 50_000_000 } },
      ...{ LogConfig: { Type: '', Config: { 'max-size': '1k', 'max-file': '3', tag: 'web' } } },
      ...{ Binds: ['kept:/data', '/anonymous'], Tmpfs: { '/fast': 'size=1m' }, CapDrop: ['NET_RAW'] },
    };
    const { status, body } = await daemon.request('POST', `/containers/${web.id}/update`, {
      Memory: 64 << 20,
      MemorySwap: 64 << 20,
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 },
      Changes: changes,
    });
    expect({ status, warnings: body.Warnings }).toEqual({ status: 200, warnings: null });
    const kinds = (applied: string) =>
      body.Changes.filter(({ Applied }: Json) => Applied === applied).map(({ Kind, Name }: Json) =>
        `${Kind} ${Name}`.trim(),
      );
    expect(kinds('now').sort()).toEqual([
      ...['health', 'label tier', 'log-opt max-file', 'log-opt max-size', 'memory', 'memory-swap'],
      ...['restart on-failure', 'stop-timeout'],
    ]);
    expect(kinds('next start').sort()).toEqual([
      ...[
        'cap-drop CAP_NET_RAW',
        'env GREETING',
        'hostname',
        'log-opt tag',
        'mount /anonymous',
        'mount /data',
      ],
      ...['mount /fast', 'user', 'workdir'],
    ]);
    expect(hosts.inspect(web.id)).toMatchObject({
      Config: { Env: ['GREETING=hello'], Labels: { tier: 'front' }, Hostname: 'renamed', User: '1000:1000' },
      HostConfig: { Memory: 64 << 20, Binds: ['kept:/data', '/anonymous'], CapDrop: ['CAP_NET_RAW'] },
    });
    for (let tries = 0; tries < 200 && hosts.inspect(web.id).State.Health.Status !== 'healthy'; tries++) {
      await Bun.sleep(25);
    }
    expect(hosts.inspect(web.id).State.Health.Status).toBe('healthy');
    const log = hosts.inspect(web.id).LogPath;
    for (let tries = 0; tries < 200 && !(await Bun.file(`${log}.2`).exists()); tries++) await Bun.sleep(25);
    expect(await Bun.file(`${log}.2`).exists()).toBe(true);
    expect(daemon.run('sampan', ['volume', 'rm', 'kept']).status).toBe(1);
    expect(daemon.sampan('exec', web.id, 'cat', '/proc/mounts')).not.toContain(' /data ');
    daemon.sampan('restart', '-t', '0', web.id);
    const look =
      'hostname; id -u; pwd; echo $GREETING; grep -cE " /(data|anonymous|fast) " /proc/mounts; cat /written';
    expect(daemon.sampan('exec', web.id, 'sh', '-c', look).split('\n')).toEqual([
      ...['renamed', '1000', '/tmp', 'hello', '3', 'once'],
    ]);
    expect(update(web.id, '--mount-rm', '/data', '--env-rm', 'GREETING', '--user', '')).toEqual([
      'mount /data removed: at next start',
      'env GREETING removed: at next start',
      'user: at next start',
    ]);
    daemon.sampan('restart', '-t', '0', web.id);
    const lookAgain = 'id -u; echo -$GREETING; grep -c " /data " /proc/mounts || true';
    expect(daemon.sampan('exec', web.id, 'sh', '-c', lookAgain)).toBe('0\n-\n0');
    daemon.sampan('volume', 'rm', 'kept');
  });

  test('of a container that does not run is there when it starts', async () => {
    const id = daemon.sampan('create', 'busybox', 'true');
    expect(
      update(
        id,
        '--cmd',
        'echo "$A $B"',
        '--env',
        'A=1',
        '--env',
        'B=2',
        '--publish-add',
        '18370:80',
        '-m',
        '64m',
        '--memory-swap',
        '-1',
        '--label',
        'l=1',
      ),
    ).toEqual([
      ...['memory: at next start', 'memory-swap: at next start', 'publish 18370:80/tcp: at next start'],
      ...['env A: at next start', 'env B: at next start', 'label l: now', 'cmd: at next start'],
    ]);
    expect(daemon.sampan('start', '-a', id)).toBe('1 2');
    daemon.sampan('rm', id);
  });

  test('by Docker’s own client is answered as Docker answers', async () => {
    using web = hosts.run('sleep 100');
    const { status, stdout } = daemon.run('docker', ['update', '-m', '64m', '--memory-swap', '64m', web.id]);
    expect([status, stdout]).toEqual([0, `${web.id}\n`]);
    const answer = await daemon.request('POST', `/containers/${web.id}/update`, { CpuShares: 512 });
    expect(answer.body).toEqual({ Warnings: null });
    expect(daemon.sampan('update', '--cpu-shares', '256', web.id)).toBe(web.id);
  });

  test('is told to whoever listens to events', async () => {
    using web = hosts.run('sleep 100');
    update(web.id, '--label', 'told=yes');
    const until = String(Math.floor(Date.now() / 1000) + 1);
    const filters = ['--filter', `container=${web.id}`, '--filter', 'event=update'];
    const format = ['--format', '{{.Action}} {{.Actor.Attributes.told}}'];
    expect(daemon.sampan('events', '--since', '1', '--until', until, ...filters, ...format)).toBe(
      'update yes',
    );
  });
});
