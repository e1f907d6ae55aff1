import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isCode } from '../base/errors.ts';
import { formatTime } from '../wire/times.ts';
import { parsePortRange } from './create/check-ports.ts';
import { contains, parseNumberList } from './create/number-list.ts';
import { portRequests } from './lifecycle/network-requests.ts';
import { RestartTimer } from './lifecycle/restart-policy.ts';
import { parsePsOutput } from './lifecycle/top.ts';
import { parseBind } from './mounts/bind-syntax.ts';
import { mergeTmpfsOptions } from './mounts/tmpfs-options.ts';
import { parseSignal } from './signals.ts';
import { majorOf, minorOf } from './spec/device-nodes.ts';
import { request } from './testing/harness.ts';

describe('signals', () => {
  test.each([
    ['KILL', 9],
    ['sigterm', 15],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
    ['1', 1],
  ])('%s is %d', (text, number) => {
    expect(parseSignal(text)).toBe(number);
  });

  test.each(['0', 'NOPE', '', '-1', '65'])('%p is refused', (text) => {
    expect(() => parseSignal(text)).toThrow(/invalid signal|does not support signal/);
  });
});

describe('parsers of user text', () => {
  test('fail with invalid-argument or not at all', () => {
    const parsers = [(text: string) => parseBind(text, ''), mergeTmpfsOptions, parseSignal];
    const words = fc.array(fc.constantFrom(':', '/', ',', 'ro', 'rshared', '=', 'size', 'a', '\0', '..'));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          words.map((all) => all.join('')),
        ),
        (text) => {
          for (const parse of parsers) {
            try {
              parse(text);
            } catch (error) {
              expect(isCode(error, 'invalid-argument')).toBe(true);
            }
          }
        },
      ),
    );
  });
});

describe('port ranges', () => {
  test('are one port or an ascending pair', () => {
    expect(parsePortRange('80')).toEqual({ first: 80, last: 80 });
    expect(parsePortRange('80-82')).toEqual({ first: 80, last: 82 });
    for (const text of ['', '82-80', '65536', 'x', '1-']) expect(parsePortRange(text)).toBeUndefined();
  });

  test('become requests, fixed ports before ranges before ephemeral ones', () => {
    const { config, hostConfig } = request({
      config: { ExposedPorts: { '53/udp': {}, '80/tcp': {} } },
      hostConfig: {
        PublishAllPorts: true,
        PortBindings: {
          '81/tcp': [{ HostIp: '', HostPort: '' }],
          '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8000-8010' }],
          '82': [{ HostIp: '', HostPort: '8082' }],
        },
      },
    });
    expect(portRequests({ config, hostConfig })).toEqual([
      { protocol: 'tcp', containerPort: 82, hostAddress: '', hostPort: 8082, hostPortEnd: 8082 },
      { protocol: 'tcp', containerPort: 80, hostAddress: '127.0.0.1', hostPort: 8000, hostPortEnd: 8010 },
      { protocol: 'tcp', containerPort: 81, hostAddress: '', hostPort: 0, hostPortEnd: 0 },
      { protocol: 'udp', containerPort: 53, hostAddress: '', hostPort: 0, hostPortEnd: 0 },
    ]);
  });
});

describe('number lists', () => {
  test('contain what their ranges say', () => {
    expect(contains(parseNumberList('0-3,7') ?? [], parseNumberList('2,7') ?? [])).toBe(true);
    expect(contains(parseNumberList('0-3') ?? [], parseNumberList('4') ?? [])).toBe(false);
    expect(parseNumberList('3-1')).toBeUndefined();
  });
});

describe('device numbers', () => {
  test('unpack as the C library does', () => {
    expect([majorOf(0x0103), minorOf(0x0103)]).toEqual([1, 3]);
    expect([majorOf(0x8800), minorOf(0x8800)]).toEqual([136, 0]);
    const device = 0x12345 * 2 ** 20 + 0x8ff;
    expect([majorOf(device), minorOf(device)]).toEqual([8, 0x12345_00 + 0xff]);
  });
});

describe('ps output', () => {
  const output =
    'UID PID CMD\nroot 10 sleep 5\nroot 11 other\nroot - thread\nroot 12 a b  c\nroot - thread\n';

  test('is narrowed to the container, the last column whole', () => {
    expect(parsePsOutput(output, new Set([10, 12]))).toEqual({
      titles: ['UID', 'PID', 'CMD'],
      processes: [
        ['root', '10', 'sleep 5'],
        ['root', '12', 'a b c'],
        ['root', '-', 'thread'],
      ],
    });
  });

  test('without a PID column is refused', () => {
    expect(() => parsePsOutput('UID CMD\n', new Set())).toThrow("Couldn't find PID field in ps output");
  });
});

describe('the pause between restarts', () => {
  test('doubles up to a minute, and starts over after a steady run', () => {
    const timer = new RestartTimer();
    const delays = Array.from({ length: 12 }, () => timer.nextDelay(1000));
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
    expect(timer.nextDelay(10_000)).toBe(100);
  });
});

describe('times', () => {
  test.each([
    ['2024-01-02T03:04:05.000Z', '2024-01-02T03:04:05Z'],
    ['2024-01-02T03:04:00.500Z', '2024-01-02T03:04:00.5Z'],
    ['2024-01-02T03:04:10.120Z', '2024-01-02T03:04:10.12Z'],
  ])('%s is written %s', (given, written) => {
    expect(formatTime(new Date(given))).toBe(written);
  });
});
