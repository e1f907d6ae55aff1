import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { buildStaticProgram } from '../fixtures/static-program.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

/** Networks of containers, and how published ports are reached. */

let daemon: TestDaemon;
/** The host's own address on the containers' bridge. */
let gateway: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  gateway = daemon.run('sampan', ['run', '--rm', 'busybox', 'ip', 'route']).stdout.split(' ')[2] ?? '';
});
afterAll(() => daemon[Symbol.asyncDispose]());

const TCP_SERVER = 'nc -ll -p 80 -e echo hello';

interface Running extends Disposable {
  readonly id: string;
}

function start(script: string, ...flags: string[]): Running {
  const id = daemon.sampan('run', '-d', ...flags, 'busybox', 'sh', '-c', script);
  return { id, [Symbol.dispose]: () => daemon.sampan('rm', '-f', id) };
}

function shell(script: string, ...flags: string[]) {
  return daemon.run('sampan', ['run', '--rm', ...flags, 'busybox', 'sh', '-c', script]);
}

function inspect(id: string): Json {
  return JSON.parse(daemon.sampan('inspect', id))[0];
}

/** What a TCP server says first; "" when it hangs up, the error's code when it cannot be reached. */
function ask(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host, port });
    socket.setTimeout(10_000, () =>
      socket.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })),
    );
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    socket.on('close', () => resolve(text.trim()));
  });
}

/** The server may need a moment to listen: until it does, a relay hangs up at once. */
async function askUntilAnswered(host: string, port: number): Promise<string> {
  let answer = '';
  for (let tries = 0; tries < 200; tries++) {
    answer = await ask(host, port);
    if (answer !== '' && answer !== 'ECONNREFUSED' && answer !== 'ECONNRESET') break;
    await Bun.sleep(25);
  }
  return answer;
}

/** Sends a line again and again until something comes back. */
function askDatagram(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const send = () => socket.send('ping\n', port, host);
    const again = setInterval(send, 100);
    const finish = (answer: string) => {
      clearInterval(again);
      clearTimeout(deadline);
      socket.close();
      resolve(answer);
    };
    const deadline = setTimeout(() => finish('no answer'), 20_000);
    socket.on('error', () => {});
    socket.on('message', (message) => finish(String(message).trim()));
    send();
  });
}

function portOf(id: string, port: string): number {
  return Number(daemon.sampan('port', id, port).split('\n')[0]?.split(':').at(-1));
}

describe('a published TCP port', () => {
  test('is reached from loopback, the host’s address, both protocols and other containers', async () => {
    using server = start(TCP_SERVER, '-p', '18080:80');
    for (const host of ['127.0.0.1', '::1', gateway]) {
      expect(`${host}: ${await askUntilAnswered(host, 18080)}`).toBe(`${host}: hello`);
    }
    const { IPAddress } = inspect(server.id).NetworkSettings;
    expect(await ask(IPAddress, 80)).toBe('hello');
    expect(shell(`nc ${IPAddress} 80; nc ${gateway} 18080`).stdout).toBe('hello\nhello\n');
    expect(daemon.sampan('exec', server.id, 'nc', gateway, '18080')).toBe('hello');
  });

  test('of one host address is not reached at another', async () => {
    using _ = start(TCP_SERVER, '-p', '127.0.0.1:18081:80');
    expect(await askUntilAnswered('127.0.0.1', 18081)).toBe('hello');
    expect(await ask(gateway, 18081)).toBe('ECONNREFUSED');
    expect(await ask('::1', 18081)).toBe('ECONNREFUSED');
  });

  test('is closed again when its container has ended', async () => {
    const server = start(TCP_SERVER, '-p', '18082:80');
    expect(await askUntilAnswered('127.0.0.1', 18082)).toBe('hello');
    daemon.sampan('stop', '-t', '0', server.id);
    expect(await ask('127.0.0.1', 18082)).toBe('ECONNREFUSED');
    daemon.sampan('start', server.id);
    expect(await askUntilAnswered('127.0.0.1', 18082)).toBe('hello');
    server[Symbol.dispose]();
  });

  test('leads nowhere, and can be had again, when its supervisor was killed', async () => {
    daemon.sampan('network', 'create', '--subnet', '10.64.0.0/24', 'orphaned');
    {
      const place = ['--network', 'orphaned', '--ip', '10.64.0.5'];
      using server = start(TCP_SERVER, '-p', '18083:80', ...place);
      const status = readFileSync(`/proc/${inspect(server.id).State.Pid}/status`, 'utf8');
      process.kill(Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]), 'SIGKILL');
      daemon.sampan('wait', server.id);
      {
        using _ = start(TCP_SERVER, ...place);
        expect(await askUntilAnswered('10.64.0.5', 80)).toBe('hello');
        expect(await ask(gateway, 18083)).toBe('ECONNREFUSED');
      }
      daemon.sampan('start', server.id);
      expect(await askUntilAnswered(gateway, 18083)).toBe('hello');
    }
    daemon.sampan('network', 'rm', 'orphaned');
  });
});

test('a published UDP port is reached from loopback, the host’s address and another container', async () => {
  const program = buildStaticProgram('udp-echo');
  using _ = start('exec /echo 53', '-v', `${program}:/echo:ro`, '-p', '15353:53/udp');
  for (const host of ['127.0.0.1', '::1', gateway]) {
    expect(`${host}: ${await askDatagram(host, 15353)}`).toBe(`${host}: ping`);
  }
});

describe('ports', () => {
  test('of a range are published one for one', async () => {
    using server = start(`${TCP_SERVER} & exec nc -ll -p 81 -e echo second`, '-p', '17000-17001:80-81');
    expect(daemon.sampan('port', server.id).split('\n')).toEqual([
      ...['80/tcp -> 0.0.0.0:17000', '80/tcp -> [::]:17000'],
      ...['81/tcp -> 0.0.0.0:17001', '81/tcp -> [::]:17001'],
    ]);
    expect(await askUntilAnswered('127.0.0.1', 17000)).toBe('hello');
    expect(await askUntilAnswered('127.0.0.1', 17001)).toBe('second');
  });

  test('of a range for one are the first that is free', async () => {
    using first = start(TCP_SERVER, '-p', '17100-17102:80');
    using second = start(TCP_SERVER, '-p', '17100-17102:80');
    expect([portOf(first.id, '80'), portOf(second.id, '80')]).toEqual([17100, 17101]);
    expect(await askUntilAnswered('127.0.0.1', 17101)).toBe('hello');
  });

  test('that nobody chose are ephemeral, and all exposed ones with -P', async () => {
    using one = start(TCP_SERVER, '-p', '80');
    expect(portOf(one.id, '80')).toBeGreaterThanOrEqual(32768);
    expect(await askUntilAnswered('127.0.0.1', portOf(one.id, '80'))).toBe('hello');
    using all = start(TCP_SERVER, '-P', '--expose', '80', '--expose', '90-91/udp');
    const ports = inspect(all.id).NetworkSettings.Ports;
    expect(Object.keys(ports).toSorted()).toEqual(['80/tcp', '90/udp', '91/udp']);
    expect(await askUntilAnswered('127.0.0.1', portOf(all.id, '80'))).toBe('hello');
    using exposed = start(TCP_SERVER, '--expose', '80');
    expect(inspect(exposed.id).NetworkSettings.Ports).toEqual({ '80/tcp': null });
  });

  test('of SCTP are published where the kernel has it, and refused elsewhere', () => {
    const { status, stdout, stderr } = daemon.run('sampan', [
      ...['run', '-d', '--name', 'sctp', '-p', '15000:5000/sctp', 'busybox', 'sleep', '36000'],
    ]);
    if (status === 0) expect(daemon.sampan('port', stdout.trim())).toContain('5000/sctp -> 0.0.0.0:15000');
    else expect(stderr).toContain(':5000/sctp: protocol not supported');
    daemon.sampan('rm', '-f', 'sctp');
  });

  test.each([
    ['99999:80', 'invalid hostPort: 99999'],
    ['80-81:80-82', 'invalid ranges specified for container and host Ports: 80-82 and 80-81'],
    ['80:x', 'invalid containerPort: x'],
    ['80:80/icmp', 'invalid proto: icmp'],
  ])('that make no sense are refused: %s', (port, message) => {
    const { status, stderr } = shell('true', '-p', port);
    expect(status).toBe(125);
    expect(stderr).toContain(message);
  });

  test('that another container has are refused', () => {
    using _ = start('sleep 36000', '-p', '18090:80');
    const { status, stderr } = daemon.run('sampan', [
      'run',
      '-d',
      '--name',
      'late',
      '-p',
      '18090:80',
      'busybox',
      'true',
    ]);
    expect(status).toBe(125);
    expect(stderr).toMatch(
      /failed to set up container networking: driver failed programming external connectivity on endpoint late \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:18090 failed: port is already allocated/,
    );
    const { State } = inspect('late');
    expect(State).toMatchObject({ Status: 'created', ExitCode: 128 });
    expect(State.Error).toContain('port is already allocated');
    daemon.sampan('rm', 'late');
  });

  test('that another program has are refused', async () => {
    const other = createServer().listen(18091, '0.0.0.0');
    await new Promise((resolve) => other.once('listening', resolve));
    const { status, stderr } = shell('true', '-p', '18091:80');
    other.close();
    expect(status).toBe(125);
    expect(stderr).toMatch(
      /failed to bind host port for 0\.0\.0\.0:18091:172\.\S+:80\/tcp: address already in use/,
    );
  });

  test('of an address that the host does not have are refused', () => {
    const { status, stderr } = shell('true', '-p', '203.0.113.9:18092:80');
    expect(status).toBe(125);
    expect(stderr).toContain('cannot assign requested address');
  });
});

describe('the network', () => {
  test('of a container has loopback and eth0, with a route to the outside', () => {
    const { stdout } = shell(
      'ls /sys/class/net; ip route; cat /sys/class/net/eth0/mtu /sys/class/net/eth0/operstate',
    );
    expect(stdout).toMatch(/^eth0\nlo\n(?:default via \S+ dev eth0 ?\n)172\.\S+ dev eth0 .*\n1500\nup\n$/);
  });

  test('none has loopback only', () => {
    expect(
      shell(
        'ls /sys/class/net; ip route; ping -c 1 127.0.0.1 | grep -c "1 packets received"',
        '--network',
        'none',
      ).stdout,
    ).toBe('lo\n1\n');
  });

  test('host is the host’s, where published ports are discarded', async () => {
    using server = start('nc -ll -p 18093 -e echo on the host', '--network', 'host');
    expect(await askUntilAnswered('127.0.0.1', 18093)).toBe('on the host');
    expect(inspect(server.id).NetworkSettings.Networks.host.IPAddress).toBe('');
    const { stderr, status } = shell('true', '--network', 'host', '-p', '80:80');
    expect(status).toBe(0);
    expect(stderr).toContain('Published ports are discarded when using host network mode');
  });

  test('of another container is shared, ports and all', async () => {
    using donor = start('sleep 36000', '-p', '18094:80');
    using _ = start(TCP_SERVER, '--network', `container:${donor.id}`);
    expect(await askUntilAnswered('127.0.0.1', 18094)).toBe('hello');
    expect(shell('nc 127.0.0.1 80', '--network', `container:${donor.id}`).stdout).toBe('hello\n');
  });

  test.each([
    [['-p', '80:80'], 'conflicting options: port publishing and the container type network mode'],
    [['--expose', '80'], 'conflicting options: port exposing and the container type network mode'],
    [['-h', 'x'], 'conflicting options: hostname and the network mode'],
    [['--dns', '1.1.1.1'], 'conflicting options: dns and the network mode'],
    [['--add-host', 'a:1.1.1.1'], 'conflicting options: custom host-to-IP mapping and the network mode'],
  ])('of another container leaves no choice: %p', (flags, message) => {
    using donor = start('sleep 36000');
    const { status, stderr } = shell('true', '--network', `container:${donor.id}`, ...flags);
    expect(status).toBe(125);
    expect(stderr).toContain(message);
  });

  test('that does not exist is refused', () => {
    const { status, stderr } = shell('true', '--network', 'nope');
    expect(status).toBe(125);
    expect(stderr).toContain('network nope not found');
  });

  test('lets containers talk to each other and gives each an address of its own', () => {
    using first = start(TCP_SERVER);
    using second = start('sleep 36000');
    const [one, two] = [first, second].map(({ id }) => inspect(id).NetworkSettings.IPAddress);
    expect(one).not.toBe(two);
    expect(daemon.sampan('exec', second.id, 'sh', '-c', `until nc ${one} 80; do usleep 20000; done`)).toBe(
      'hello',
    );
    expect(daemon.sampan('exec', second.id, 'ping', '-c', '1', one)).toContain('1 packets received');
  });
});
