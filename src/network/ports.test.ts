import { expect, test } from 'bun:test';
import { PortAllocator, parsePortRange, type WantedPort } from './ports.ts';

const both = ['0.0.0.0', '::'];

function wanted(hostPort: number, hostPortEnd = hostPort, hostAddresses = both): WantedPort {
  return { protocol: 'tcp', containerPort: 80, hostAddresses, hostPort, hostPortEnd };
}

function allocator(now = () => 0): PortAllocator {
  return new PortAllocator({ first: 40000, last: 40002 }, now);
}

test('a port is the same on every address', () => {
  const ports = allocator().allocate('a', [wanted(0)]);
  expect(ports.map(({ hostAddress, hostPort }) => `${hostAddress} ${hostPort}`)).toEqual([
    '0.0.0.0 40000',
    ':: 40000',
  ]);
});

test('ephemeral ports go round their range and come free again', () => {
  const ports = allocator();
  const take = () => ports.allocate('a', [wanted(0)])[0]?.hostPort;
  expect([take(), take(), take()]).toEqual([40000, 40001, 40002]);
  expect(take).toThrow('all ports are allocated');
  ports.release('a', [{ protocol: 'tcp', containerPort: 80, hostAddress: '::', hostPort: 40001 }]);
  expect(take()).toBe(40001);
});

test('a port of another container is refused in the words of Docker, and nothing is kept', () => {
  const ports = allocator();
  ports.allocate('a', [wanted(80)]);
  const attempt = () => ports.allocate('b', [wanted(81), wanted(80)]);
  expect(attempt).toThrow('Bind for 0.0.0.0:80 failed: port is already allocated');
  expect(ports.allocate('c', [wanted(81)])).toHaveLength(2);
});

test('an address of its own excludes every address, not its neighbours or the other family', () => {
  const ports = allocator();
  ports.allocate('a', [wanted(80, 80, ['10.0.0.1'])]);
  expect(ports.allocate('b', [wanted(80, 80, ['10.0.0.2', '::'])])).toHaveLength(2);
  expect(() => ports.allocate('c', [wanted(80, 80, ['0.0.0.0'])])).toThrow('0.0.0.0:80');
});

test('exact ports are taken before ranges', () => {
  const ports = allocator().allocate('a', [wanted(80, 82), wanted(80)]);
  expect(ports.map(({ hostPort, chosen }) => [hostPort, chosen])).toEqual([
    [81, true],
    [81, true],
    [80, false],
    [80, false],
  ]);
});

test('a port that another program has is not chosen for a while', () => {
  let time = 0;
  const ports = allocator(() => time);
  ports.avoid('tcp', 40000);
  expect(ports.allocate('a', [wanted(0)])[0]?.hostPort).toBe(40001);
  expect(ports.allocate('b', [wanted(40000)])).toHaveLength(2);
  ports.release('b', ports.allocate('c', [wanted(0)]));
  time = 120_000;
  ports.release('b', [{ protocol: 'tcp', containerPort: 80, hostAddress: '::', hostPort: 40000 }]);
  expect(ports.allocate('d', [wanted(0)])[0]?.hostPort).toBe(40000);
});

test('ports of running containers are taken again', () => {
  const ports = allocator();
  ports.restore('a', [{ protocol: 'tcp', containerPort: 80, hostAddress: '0.0.0.0', hostPort: 80 }]);
  expect(() => ports.allocate('b', [wanted(80)])).toThrow('already allocated');
});

test("the kernel range of ephemeral ports is read, or Linux's default", () => {
  expect(parsePortRange('1024\t2048\n')).toEqual({ first: 1024, last: 2048 });
  expect(parsePortRange('')).toEqual({ first: 32768, last: 60999 });
});
