import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../base/context.ts';
import { createLogger, type LogLine } from '../base/log.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import { encodeFrame, launcherFrames } from './frames.ts';
import { openLauncher } from './launcher.ts';

const binary = process.env.SAMPAN_LAUNCHER ?? join(import.meta.dir, '../../build/sampan-launcher');

describe('openLauncher', () => {
  let directory: string;
  let socket: string;
  let lines: LogLine[];
  const log = createLogger(
    () => 'debug',
    (line) => lines.push(line),
  );
  const open = (path = binary) => openLauncher({ binary: path, socket, log });
  const pidOf = async (
    run: (steps: Operation[]) => Promise<ReadonlyMap<number, Uint8Array>>,
  ): Promise<number> => {
    const results = await run([{ op: 'read', dir: HOST, path: '/proc/self/stat', limit: 200 }]);
    const [, parent] = /\) \S (\d+)/.exec(new TextDecoder().decode(results.get(0))) ?? [];
    return Number(parent);
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sampan-launcher-'));
    socket = join(directory, 'l.sock');
    lines = [];
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('listens for its own user alone and ends without a trace', async () => {
    let pid: number;
    {
      await using launcher = await open();
      expect(statSync(socket).mode & 0o777).toBe(0o600);
      pid = await pidOf((before) => launcher.run(background(), { before }));
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain(socket);
    }
    expect(existsSync(socket)).toBe(false);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(lines).toEqual([]);
  });

  test('carries many plans out at once, each with its own results', async () => {
    await using launcher = await open();
    const contents = Array.from({ length: 50 }, (_, index) => `content ${index}`.repeat(2000));
    const answers = contents.map(async (content, index) => {
      const path = join(directory, `file-${index}`);
      writeFileSync(path, content);
      const read: Operation = { op: 'read', dir: HOST, path, limit: 1 << 20 };
      const results = await launcher.run(background(), { before: [read, read] });
      return [0, 1].map((step) => new TextDecoder().decode(results.get(step)));
    });
    expect(await Promise.all(answers)).toEqual(contents.map((content) => [content, content]));
  });

  test('is started again when it was killed', async () => {
    await using launcher = await open();
    const run = (before: Operation[]) => launcher.run(background(), { before });
    const first = await pidOf(run);
    process.kill(first, 'SIGKILL');
    while (existsSync(`/proc/${first}/exe`)) await Bun.sleep(1);
    const second = await pidOf(run);
    expect(second).not.toBe(first);
    expect(await Promise.all([pidOf(run), pidOf(run)])).toEqual([second, second]);
    expect(lines.map(({ message }) => message)).toEqual(['the launcher has ended']);
  });

  test('loses no plan that is sent while it is being killed', async () => {
    await using launcher = await open();
    const run = (before: Operation[]) => launcher.run(background(), { before });
    const pids = new Set<number>();
    for (let round = 0; round < 20; round++) {
      const pid = await pidOf(run);
      pids.add(pid);
      process.kill(pid, 'SIGKILL');
    }
    expect(pids.size).toBe(20);
  });

  test('gives a plan up when its operation is given up', async () => {
    await using launcher = await open();
    const aborted = new AbortController();
    const sleep: Operation[] = [{ op: 'exec', argv: ['/bin/sleep', '0.2'], env: [] }];
    const clone: Operation = { op: 'clone', flags: 0, cgroup: -1 };
    const waiting = launcher.run({ signal: aborted.signal, log }, { before: [clone], child: sleep });
    setTimeout(() => aborted.abort(new Error('enough')), 1);
    expect(waiting).rejects.toThrow('enough');
    await waiting.catch(() => {});
    expect(launcher.run({ signal: aborted.signal, log }, {})).rejects.toThrow('enough');
  });

  test('says why it does not start', async () => {
    expect(open(join(directory, 'missing'))).rejects.toThrow('did not start');
    socket = join(directory, 'x'.repeat(120));
    expect(open()).rejects.toThrow(/did not start: sampan-launcher: .*x: File name too long/);
  });

  test('refuses plans after it was disposed', async () => {
    const launcher = await open();
    await launcher[Symbol.asyncDispose]();
    expect(launcher.run(background(), {})).rejects.toThrow('the launcher was shut down');
  });

  test('answers nonsense with a failure and stays', async () => {
    await using launcher = await open();
    const answer = (bytes: Uint8Array): Promise<string> =>
      new Promise((resolve, reject) => {
        let text = '';
        const client = connect(launcher.socket, () => client.end(bytes));
        client.on('data', (chunk) => {
          text += chunk.toString('latin1').slice(8);
        });
        client.on('close', () => resolve(text));
        client.on('error', reject);
      });
    expect(await answer(encodeFrame(launcherFrames.plan, new Uint8Array(24)))).toContain(
      'this is no plan of version 1',
    );
    expect(await answer(encodeFrame(0x55))).toContain('a frame of type 0x55 instead of a plan');
    expect(await answer(new Uint8Array([1, 2, 3]))).toContain('no plan came');
    expect(await answer(new Uint8Array([0x10, 0, 0, 0, 0xff, 0, 0, 0]))).toContain('no plan came');
    expect(await answer(new Uint8Array(0))).toBe('');
    expect(await launcher.run(background(), {})).toEqual(new Map());
  });
});
