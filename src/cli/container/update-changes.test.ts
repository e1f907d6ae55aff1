import { describe, expect, test } from 'bun:test';
import type { FlagType } from '../flag.ts';
import { changeFlags, changesOf, describeChange } from './update-changes.ts';

type Options = Parameters<typeof changesOf>[0];

/** The `Changes` for flags, given as they would be on the command line. */
function changes(...given: [keyof Options, string][]) {
  const flags = Object.entries(changeFlags);
  const options: Record<string, unknown> = Object.fromEntries(
    flags.map(([name, { type }]) => [name, type.initial()]),
  );
  for (const [name, value] of given) {
    const type: FlagType<unknown> = changeFlags[name].type as FlagType<unknown>;
    options[name] = type.parse(value, options[name]);
  }
  return changesOf(options as unknown as Options, (name) => given.some(([known]) => known === name));
}

describe('the changes of an update', () => {
  test('are none without a flag for one', () => {
    expect(changes()).toBeUndefined();
  });

  test('name ports as docker run does', () => {
    expect(
      changes(
        ['publish-add', '127.0.0.1:8080-8081:80-81/udp'],
        ['publish-add', '90'],
        ['publish-rm', '443'],
        ['publish-rm', '[::1]:99:98'],
      ),
    ).toEqual({
      PublishAdd: {
        '80/udp': [{ HostIp: '127.0.0.1', HostPort: '8080' }],
        '81/udp': [{ HostIp: '127.0.0.1', HostPort: '8081' }],
        '90/tcp': [{ HostIp: '', HostPort: '' }],
      },
      PublishRemove: {
        '443/tcp': [{ HostIp: '', HostPort: '' }],
        '98/tcp': [{ HostIp: '::1', HostPort: '99' }],
      },
    });
  });

  test('hold what was given and nothing else', () => {
    expect(
      changes(
        ...(
          [
            ['env', 'A=b'],
            ['env-rm', 'C'],
            ['label', 'a=b=c'],
            ['label-rm', 'd'],
          ] as const
        ).map(([name, value]): [keyof Options, string] => [name, value]),
        ['health-cmd', 'true'],
        ['health-interval', '1s'],
        ['log-opt', 'max-size=1m'],
        ['user', ''],
        ['stop-timeout', '0'],
        ['cap-drop', 'net_raw'],
      ),
    ).toEqual({
      ...{ Env: ['A=b'], EnvRemove: ['C'], Labels: { a: 'b=c' }, LabelsRemove: ['d'] },
      Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 1_000_000_000 },
      LogConfig: { Type: '', Config: { 'max-size': '1m' } },
      ...{ User: '', StopTimeout: 0, CapDrop: ['CAP_NET_RAW'] },
    });
  });

  test('mount as docker run does', () => {
    expect(
      changes(
        ['volume', './here:/there:ro'],
        ['volume', '/nameless'],
        ['tmpfs', '/fast:size=1m'],
        ['mount-rm', '/old'],
      ),
    ).toEqual({
      Binds: [`${process.cwd()}/here:/there:ro`, '/nameless'],
      Tmpfs: { '/fast': 'size=1m' },
      MountsRemove: ['/old'],
    });
  });

  test('take commands as JSON, as a line for the shell or as one program', () => {
    expect(changes(['cmd', '["a", "b c"]'], ['entrypoint', '/bin/x y'])).toEqual({
      Cmd: ['a', 'b c'],
      Entrypoint: ['/bin/x y'],
    });
    expect(changes(['cmd', 'echo $A | wc'], ['entrypoint', ''])).toEqual({
      Cmd: ['/bin/sh', '-c', 'echo $A | wc'],
      Entrypoint: [],
    });
    expect(() => changes(['cmd', '["a", 1]'])).toThrow('is no JSON list of words');
  });
});

test('a change is told with when it is so', () => {
  const change = { Kind: 'publish', Name: '8080:80/tcp', Removed: false, Applied: 'now' };
  expect(describeChange(change)).toBe('publish 8080:80/tcp: now');
  expect(describeChange({ Kind: 'cmd', Name: '', Removed: true, Applied: 'next start' })).toBe(
    'cmd removed: at next start',
  );
});
