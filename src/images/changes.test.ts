import { describe, expect, test } from 'bun:test';
import { applyChanges } from './changes.ts';

describe('applyChanges', () => {
  test.each<[string, object]>([
    ['CMD ["a","b"]', { Cmd: ['a', 'b'] }],
    ['CMD echo hi', { Cmd: ['/bin/sh', '-c', 'echo hi'] }],
    ['entrypoint ["/x"]', { Entrypoint: ['/x'] }],
    ['ENV A=1 B="two words" C=\\ d', { Env: ['A=1', 'B=two words', 'C= d'] }],
    ['ENV A one two', { Env: ['A=one two'] }],
    [
      'EXPOSE 80 53/udp 8000-8002',
      { ExposedPorts: { '80/tcp': {}, '53/udp': {}, '8000/tcp': {}, '8001/tcp': {}, '8002/tcp': {} } },
    ],
    ['LABEL a=b "c d"="e f"', { Labels: { a: 'b', 'c d': 'e f' } }],
    ['ONBUILD RUN true', { OnBuild: ['RUN true'] }],
    ['STOPSIGNAL SIGINT', { StopSignal: 'SIGINT' }],
    ['USER www:www', { User: 'www:www' }],
    ['VOLUME /a /b', { Volumes: { '/a': {}, '/b': {} } }],
    ['VOLUME ["/c"]', { Volumes: { '/c': {} } }],
    ['WORKDIR a/../b', { WorkingDir: '/b' }],
    ['HEALTHCHECK NONE', { Healthcheck: { Test: ['NONE'] } }],
    [
      'HEALTHCHECK --interval=1m30s --retries=2 CMD curl -f http://x',
      { Healthcheck: { Interval: 90e9, Retries: 2, Test: ['CMD-SHELL', 'curl -f http://x'] } },
    ],
  ])('%s', (change, expected) => expect(applyChanges({}, [change])).toEqual(expected));

  test('a later ENV replaces the variable in place', () => {
    expect(applyChanges({ Env: ['A=1', 'B=2'] }, ['ENV A=3'])).toEqual({ Env: ['A=3', 'B=2'] });
  });

  test('WORKDIR follows the one before', () => {
    expect(applyChanges({}, ['WORKDIR /a', 'WORKDIR b'])).toEqual({ WorkingDir: '/a/b' });
  });

  test.each([
    ['RUN true', 'run is not a valid change command'],
    ['NONSENSE', 'nonsense is not a valid change command'],
    ['SHELL ["x"]', 'shell is not a valid change command'],
    ['CMD', 'CMD requires at least one argument'],
    ['EXPOSE 0', 'invalid containerPort: 0'],
    ['EXPOSE x', 'invalid containerPort: x'],
    ['ENV A', 'ENV must have two arguments'],
    ['ONBUILD ONBUILD RUN x', "isn't allowed"],
    ['HEALTHCHECK --interval=x CMD true', 'time: invalid duration "x"'],
    ['HEALTHCHECK RUN true', 'Unknown type "RUN" in HEALTHCHECK (try CMD)'],
  ])('%s is refused', (change, message) => expect(() => applyChanges({}, [change])).toThrow(message));
});

test('variables of the configuration are expanded, and lines continued', () => {
  const config = { Env: ['NAME=app'], Shell: ['/bin/bash', '-c'] };
  expect(applyChanges(config, ['WORKDIR /srv/$NAME', 'LABEL a=1 \\\n  b=2', 'CMD run'])).toEqual({
    ...{ ...config, WorkingDir: '/srv/app', Labels: { a: '1', b: '2' }, Cmd: ['/bin/bash', '-c', 'run'] },
  });
  expect(applyChanges(config, ['# nothing', ''])).toEqual(config);
});
