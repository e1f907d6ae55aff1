import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import type { SandboxMount } from '../../src/containers/sandbox/contract.ts';
import { hexOf } from '../../src/oci/digest.ts';
import { plainRun, SandboxHost } from '../fixtures/sandbox-host.ts';
import { changed, run, runOnce } from '../fixtures/sandbox-runs.ts';

/** How runs, sandboxes and daemons end, and that nothing is left of them. */

let host: SandboxHost;

beforeAll(async () => {
  host = await SandboxHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

describe('the end of a run', () => {
  test('comes at once when it is given up, with all processes', async () => {
    await using sandbox = await host.open();
    const stop = new AbortController();
    const script = `(trap "" TERM; sleep ${nap(1000)}) & setsid sleep ${nap(1001)} & echo started; wait`;
    const running = sandbox.run(
      { ...host.context, signal: stop.signal },
      { ...plainRun, args: ['sh', '-c', script], onOutput: () => stop.abort(new Error('enough')) },
    );
    await expect(running).rejects.toThrow('enough');
    expect(processesOf(1000)).toEqual([]);
    expect(processesOf(1001)).toEqual([]);
    expect((await run(sandbox, 'echo more')).stdout).toBe('more\n');
  });

  test('comes when nobody takes the output any more', async () => {
    const onOutput = (): void => {
      throw new Error('no room');
    };
    await expect(runOnce(host, 'yes', { onOutput })).rejects.toThrow('no room');
  });

  test('takes what was left in the background along', async () => {
    await runOnce(host, `sleep ${nap(1002)} >/dev/null 2>&1 &`);
    expect(processesOf(1002)).toEqual([]);
  });

  test('is not reached by a run that was given up before', async () => {
    await using sandbox = await host.open();
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(sandbox.run({ ...host.context, signal }, plainRun)).rejects.toThrow('too late');
    expect(await changed(sandbox)).toEqual([]);
  });

  test('comes with the sandbox', async () => {
    const sandbox = await host.open();
    const started = Promise.withResolvers<void>();
    const running = run(sandbox, `echo; sleep ${nap(1003)}`, { onOutput: () => started.resolve() });
    running.catch(() => {});
    await started.promise;
    await sandbox[Symbol.asyncDispose]();
    await expect(running).rejects.toThrow('the sandbox is being removed');
    expect(processesOf(1003)).toEqual([]);
    expect(host.leftovers()).toEqual([]);
  });

  test('does not wait for those who only look at the sandbox', async () => {
    const [read, opened] = [await host.open(), await host.open()];
    await run(read, 'head -c 3000000 /dev/zero >/large');
    const parts = read.changes(host.context)[Symbol.asyncIterator]();
    await parts.next();
    await read[Symbol.asyncDispose]();
    await expect(Promise.resolve(parts.next().then(() => parts.next()))).rejects.toThrow();
    const root = await opened.root(host.context);
    await opened[Symbol.asyncDispose]();
    await expect(root.stat(host.context, '/', false)).rejects.toThrow();
    await root[Symbol.asyncDispose]();
    expect(host.leftovers()).toEqual([]);
  });

  test('is what a second run of the same sandbox has to wait for', async () => {
    await using sandbox = await host.open();
    const stop = new AbortController();
    const context = { ...host.context, signal: stop.signal };
    const running = sandbox.run(context, { ...plainRun, args: ['sleep', nap(1004)] });
    running.catch(() => {});
    await expect(sandbox.run(host.context, plainRun)).rejects.toThrow('the sandbox is in use');
    stop.abort(new Error('enough'));
    await running.catch(() => {});
  });
});

describe('a daemon that ends', () => {
  test('takes its sandboxes along', async () => {
    const started = Promise.withResolvers<void>();
    const sandbox = await host.open();
    const running = run(sandbox, `echo; sleep ${nap(1006)}`, { onOutput: () => started.resolve() });
    running.catch(() => {});
    await started.promise;
    await host.sandboxes.shutdown();
    await expect(running).rejects.toThrow('the sandbox is being removed');
    expect(processesOf(1006)).toEqual([]);
    expect(host.leftovers()).toEqual([]);
    await expect(host.open()).rejects.toThrow('the daemon is shutting down');
    await sandbox[Symbol.asyncDispose]();
    await host.reopen();
  });
});

describe('a killed daemon', () => {
  test('leaves nothing of its sandboxes once the next has started', async () => {
    const sandbox = await host.open();
    const started = Promise.withResolvers<void>();
    const mounts: SandboxMount[] = [
      { type: 'layers', layers: [host.busybox], path: '/', target: '/w', readOnly: false },
    ];
    const network = 'default';
    const onOutput = () => started.resolve();
    const script = `sleep ${nap(1005)} & until grep -q ^sleep /proc/$!/cmdline; do :; done; echo; wait`;
    const lost = run(sandbox, script, { mounts, network, onOutput }).catch(() => {});
    await host.open();
    await started.promise;
    expect(processesOf(1005)).toHaveLength(1);
    await host.reopen();
    await lost;
    expect(processesOf(1005)).toEqual([]);
    expect(host.leftovers()).toEqual([]);
    const { stdout } = await runOnce(host, 'ip -o -4 addr show eth0', { network });
    expect(stdout).toContain('.0.2/');
  });
});

test('sandboxes leave nothing behind', () => {
  expect(host.leftovers()).toEqual([]);
  expect(hexOf(host.busybox)).toHaveLength(64);
});

/** A time to sleep that no other test's process has. */
function nap(number: number): string {
  return `${process.pid}${number}`;
}

function processesOf(number: number): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${nap(number)}\0`;
    } catch {
      return false;
    }
  });
}
