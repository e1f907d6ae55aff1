import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Result } from '../../src/build/solver/result.ts';
import { ProcessError } from '../../src/build/steps/process-error.ts';
import { StartError } from '../../src/runtime/start-error.ts';
import { bind, cache, secret } from '../fixtures/run-mounts.ts';
import { files, RunSteps, type Wishes } from '../fixtures/run-steps.ts';
import { plainRun } from '../fixtures/sandbox-host.ts';

/** What a command of a build makes, and the key that it is found by. */

let steps: RunSteps;

beforeAll(async () => {
  steps = await RunSteps.open();
});
afterAll(async () => {
  expect(steps.host.leftovers()).toEqual([]);
  await steps[Symbol.asyncDispose]();
});

describe('a command', () => {
  test('adds what it changed as a layer, and nothing when it changed nothing', async () => {
    const { added } = await steps.make('echo 1 >/a; rm /etc/group');
    expect(added).toHaveLength(1);
    expect(steps.namesIn(added[0])).toEqual(['a', 'etc/', 'etc/.wh.group']);
    expect((await steps.make('true')).added).toEqual([]);
    const root: Result = { kind: 'layers', layers: [...steps.base.layers, ...added] };
    expect((await steps.make('cat /a; ls /etc', { root })).output).toBe(
      '1\nhostname\nhosts\nmtab\npasswd\nresolv.conf\n',
    );
  });

  test('that fails is told with its exit code', async () => {
    const failed = steps.make('echo "some words"; exit 42');
    await expect(failed).rejects.toThrow(ProcessError);
    await expect(failed).rejects.toMatchObject({
      message:
        'process "/bin/sh -c echo \\"some words\\"; exit 42" did not complete successfully: exit code: 42',
      exitCode: 42,
      args: ['/bin/sh', '-c', 'echo "some words"; exit 42'],
    });
  });

  test('that needs too much memory is told to', async () => {
    const limits = { ...plainRun.limits, memory: 16 << 20, memorySwap: 16 << 20 };
    await expect(steps.make('tail /dev/zero', { limits })).rejects.toThrow(
      'exit code: 137: cannot allocate memory',
    );
  });

  test('that cannot be started is told as what it is', async () => {
    await expect(steps.make('', { args: ['nothing-like-it'] })).rejects.toThrow(StartError);
  });

  test('that is given up leaves nothing', async () => {
    const signal = AbortSignal.timeout(50);
    await expect(steps.make('sleep 1000', { context: { ...steps.host.context, signal } })).rejects.toThrow();
    expect(steps.host.leftovers()).toEqual([]);
  });

  test('gets the proxies, its own variables and an agent in their order', async () => {
    const { output } = await steps.make('echo $http_proxy $X', {
      proxies: ['http_proxy=p'],
      env: ['PATH=/bin', 'X=1'],
    });
    expect(output).toBe('p 1\n');
  });

  test('makes the same layer at any time when there is a date', async () => {
    const wishes = { surroundings: { sourceDate: 1_000_000_000 } };
    const script = 'mkdir /d; date >/dev/null; echo 1 >/d/f; touch -d "2000-01-01 00:00:00" /d/old';
    const first = await steps.make(script, wishes);
    await Bun.sleep(1100);
    expect((await steps.make(script, wishes)).added).toEqual(first.added);
    const root: Result = { kind: 'layers', layers: [...steps.base.layers, ...first.added] };
    expect((await steps.make('stat -c %Y /d /d/f; stat -c %y /d/old', { root })).output).toMatch(
      /^1000000000\n1000000000\n2000-01-01/,
    );
  });

  test.each([
    ['security.insecure', { security: 'insecure' }],
    ['network.host', { network: 'host' }],
  ] as const)('needs %s to be granted', async (entitlement, wishes) => {
    await expect(steps.make('true', wishes)).rejects.toMatchObject({
      code: 'permission-denied',
      message: `granting entitlement ${entitlement} is not allowed by build daemon configuration`,
    });
    expect((await steps.make('true', { ...wishes, entitlements: [entitlement] })).added).toEqual([]);
  });
});

describe('the key of a command', () => {
  test('says what it is and what it is run on', async () => {
    const key = await steps.keyOf('true');
    expect(await steps.keyOf('true')).toEqual(key);
    const other: Result = { kind: 'layers', layers: [steps.host.busybox, steps.host.busybox] };
    const different: Wishes[] = [
      { root: other },
      { env: ['PATH=/bin', 'X=1'] },
      { user: 'www-data' },
      { network: 'default' },
      { security: 'insecure' },
      { hostname: 'x' },
      { workingDirectory: '/x' },
      { files: [{ path: '/f', mode: 0o755, content: '1' }] },
      { extraHosts: ['x:1.2.3.4'] },
      { mounts: [cache] },
    ];
    for (const wishes of different) expect(await steps.keyOf('true', wishes)).not.toEqual(key);
    expect(await steps.keyOf('false')).not.toEqual(key);
  });

  test('says nothing of proxies, limits, addresses, and what secrets and caches hold', async () => {
    const same = async (a: Wishes, b: Wishes) =>
      expect(await steps.keyOf('true', a)).toEqual(await steps.keyOf('true', b));
    await same({}, { proxies: ['HTTP_PROXY=x'], limits: { ...plainRun.limits, memory: 1 << 30 } });
    await same({ extraHosts: ['x:1.2.3.4'] }, { extraHosts: ['x:5.6.7.8'] });
    const secrets = async () => Buffer.from('hunter2');
    await same({ mounts: [secret] }, { mounts: [secret], surroundings: { secrets } });
    const key = JSON.stringify(await steps.keyOf('true', { mounts: [secret], surroundings: { secrets } }));
    expect(key).not.toContain('hunter2');
  });

  test('says of files only what is mounted', async () => {
    const mounted = (source: string, content: Record<string, string>) =>
      steps.keyOf('true', { mounts: [{ ...bind, source }], inputs: [files(content)] });
    const key = await mounted('/a', { '/a': '1', '/b': '2' });
    expect(await mounted('/a', { '/a': '1', '/b': '3' })).toEqual(key);
    expect(await mounted('/a', { '/a': '4', '/b': '2' })).not.toEqual(key);
    expect(await mounted('/', { '/a': '1' })).not.toEqual(await mounted('/', { '/a': '2' }));
    await expect(mounted('/c', { '/a': '1' })).rejects.toThrow('"/c": not found');
  });
});
