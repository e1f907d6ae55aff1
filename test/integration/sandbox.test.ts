import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxRequest } from '../../src/containers/sandbox/contract.ts';
import { StartError } from '../../src/runtime/start-error.ts';
import { ContainerConfig, HostConfig } from '../../src/wire/container-config.ts';
import { plainRun, SandboxHost } from '../fixtures/sandbox-host.ts';
import { run, runOnce } from '../fixtures/sandbox-runs.ts';

/** What a process finds in a sandbox: itself, its streams and its network. */

let host: SandboxHost;

beforeAll(async () => {
  host = await SandboxHost.open();
});
afterAll(async () => {
  expect(host.leftovers()).toEqual([]);
  await host[Symbol.asyncDispose]();
});

describe('a process in a sandbox', () => {
  test('has its streams apart, its environment and its exit code', async () => {
    const script = 'echo out; echo err >&2; echo $HOME $X $(pwd) $(hostname); exit 3';
    const wishes = { env: ['PATH=/bin', 'X=y'], workingDirectory: '/var', hostname: 'builder' };
    expect(await runOnce(host, script, wishes)).toEqual({
      exitCode: 3,
      stdout: 'out\n/root y /var builder\n',
      stderr: 'err\n',
    });
  });

  test('is the user that was asked for, by name or number', async () => {
    const ids = async (user: string) =>
      (await runOnce(host, 'echo $(id -u):$(id -g)', { user })).stdout.trim();
    expect(await ids('www-data')).toBe('33:33');
    expect(await ids('7:8')).toBe('7:8');
  });

  test('is confined as containers are', async () => {
    const script =
      "grep -E '^(CapEff|CapBnd|Seccomp):' /proc/self/status; cat /proc/kcore; mount -t tmpfs x /mnt; ls /dev/vda";
    const { stdout, stderr } = await runOnce(host, script);
    expect(stdout).toBe('CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nSeccomp:\t2\n');
    expect(stderr).toContain('permission denied');
    expect(stderr).toContain('/dev/vda: No such file');
  });

  test('has all privileges when it is to', async () => {
    const [, own] = /^CapEff:\t(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    const { stdout } = await runOnce(host, "grep -E '^(CapEff|Seccomp):' /proc/self/status", {
      privileged: true,
    });
    expect(stdout).toBe(`CapEff:\t${own}\nSeccomp:\t0\n`);
  });

  test('is no container that anybody sees', async () => {
    await using sandbox = await host.open();
    let seen = -1;
    const onOutput = (): void => {
      seen = host.parts.containers.list().length;
    };
    await run(sandbox, 'echo', { onOutput });
    expect(seen).toBe(0);
  });

  test('finds its files, read-only, where they are to be', async () => {
    const files = [
      { path: '/dev/pipes/EOF', mode: 0o755, content: Buffer.from('#!/bin/sh\necho from a file\n') },
    ];
    const { stdout, stderr } = await runOnce(host, '/dev/pipes/EOF; echo x >>/dev/pipes/EOF', { files });
    expect(stdout).toBe('from a file\n');
    expect(stderr).toContain('Read-only file system');
  });

  test('that cannot be started says why, and leaves the sandbox usable', async () => {
    await using sandbox = await host.open();
    const start = run(sandbox, '', { args: ['missing-program'] });
    await expect(start).rejects.toThrow(StartError);
    await expect(start).rejects.toMatchObject({ exitCode: 127 });
    await start.catch(() => {});
    expect((await run(sandbox, 'echo again')).stdout).toBe('again\n');
  });

  test('that needs more memory than it may have is killed, which is told', async () => {
    const limits = { ...plainRun.limits, memory: 16 << 20, memorySwap: 16 << 20 };
    await using sandbox = await host.open();
    const request = { ...plainRun, args: ['sh', '-c', 'tail /dev/zero'], limits };
    expect(await sandbox.run(host.context, request)).toEqual({ exitCode: 137, oomKilled: true });
  });

  test('talks to a terminal', async () => {
    async function* input(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('stty size; exit 7\n');
    }
    const terminal = { rows: 33, columns: 99, input: input() };
    const { exitCode, stdout } = await runOnce(host, '', { args: ['sh'], terminal });
    expect(exitCode).toBe(7);
    expect(stdout).toContain('33 99');
  });

  test('is told of the end of what is typed', async () => {
    async function* input(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('some words\n');
    }
    const terminal = { rows: 0, columns: 0, input: input() };
    const { exitCode, stdout } = await runOnce(host, 'cat; exit 4', { terminal });
    expect(exitCode).toBe(4);
    expect(stdout).toContain('some words\r\nsome words\r\n');
  });

  test('gets no faster than its output is taken, and loses none of it', async () => {
    let size = 0;
    let isBusy = false;
    const onOutput: SandboxRequest['onOutput'] = async (_stream, bytes) => {
      expect(isBusy).toBe(false);
      isBusy = true;
      await Bun.sleep(0);
      size += bytes.length;
      isBusy = false;
    };
    expect((await runOnce(host, 'head -c 20000000 /dev/zero', { onOutput })).exitCode).toBe(0);
    expect(size).toBe(20_000_000);
  });
});

describe('the network of a sandbox', () => {
  test('is the default bridge with names and an address', async () => {
    const extraHosts = ['db:10.0.0.1', 'me:host-gateway'];
    const script = 'ip -o -4 addr show eth0; cat /etc/hosts; cat /etc/resolv.conf; ping -c 1 -w 5 me';
    const { stdout, exitCode } = await runOnce(host, script, { network: 'default', extraHosts });
    const [, address] = /inet ([0-9.]+)\//.exec(stdout) ?? [];
    expect(stdout).toContain(`${address}\tsandbox\n`);
    expect(stdout).toContain('10.0.0.1\tdb\n');
    expect(stdout).toContain('nameserver ');
    expect(stdout).toContain('1 packets received');
    expect(exitCode).toBe(0);
  });

  test('is nothing but loopback, or the host itself', async () => {
    expect((await runOnce(host, 'ls /sys/class/net', { network: 'none' })).stdout).toBe('lo\n');
    const { stdout } = await runOnce(host, 'readlink /proc/self/ns/net', { network: 'host' });
    expect(stdout.trim()).toBe(readlinkSync('/proc/self/ns/net'));
  });

  test("is a running container's", async () => {
    const tar = execFileSync('tar', ['-C', join(host.home, 'busybox'), '-c', '.'], { maxBuffer: 64 << 20 });
    async function* archive(): AsyncGenerator<Uint8Array> {
      yield tar;
    }
    const { images, containers } = host.parts;
    await images.import(host.context, archive(), {
      ...{ reference: 'busybox', message: '', changes: [], platform: undefined, source: '-' },
    });
    const { id } = await containers.create(host.context, {
      ...{ name: 'peer', platform: '', networking: null },
      config: { ...ContainerConfig.zero(), Image: 'busybox', Cmd: ['sleep', '1000'], Hostname: 'peer' },
      hostConfig: HostConfig.zero(),
    });
    const network = { container: 'peer' };
    await expect(runOnce(host, 'true', { network })).rejects.toThrow(
      'cannot join network namespace of a non running container',
    );
    await containers.start(host.context, id);
    try {
      const { stdout } = await runOnce(host, 'hostname; ip -o -4 addr show eth0; cat /etc/hosts', {
        network,
      });
      const address = Object.values(containers.get(id).networks)[0]?.endpoint?.ipv4Address;
      expect(stdout).toStartWith('peer\n');
      expect(stdout).toContain(`inet ${address}/`);
      expect(stdout).toContain(`${address}\tpeer`);
    } finally {
      await containers.remove(host.context, id, { force: true, volumes: true, link: false });
    }
  });
});
