import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { silentLogger } from '../base/log.ts';
import { CLONE_NEWNS, MOUNT_ATTR_NOSUID, MS_PRIVATE, MS_REC } from '../plan/constants.ts';
import { PlanError } from '../plan/plan-error.ts';
import { connectSupervisor } from './supervisor.ts';
import {
  context,
  openSupervisorFixture,
  readLog,
  type SupervisorFixture,
} from './testing/supervisor-fixture.ts';

let fixture: SupervisorFixture;
beforeAll(async () => {
  fixture = await openSupervisorFixture();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

describe('a container log', () => {
  test('has a record for each line, with a time that Date understands', async () => {
    const { supervisor } = await fixture.start('lines', {
      argv: ['sh', '-c', 'printf "one\\n<two>\\n\\377"; echo three >&2'],
    });
    await supervisor.exited;
    const log = await readLog(fixture.file('lines', 'log'));
    const of = (wanted: string) => log.filter(({ stream }) => stream === wanted).map((record) => record.log);
    expect(of('stdout')).toEqual(['one\n', '<two>\n', '\ufffd']);
    expect(of('stderr')).toEqual(['three\n']);
    for (const { time } of log) {
      const millis = new Date(time).getTime();
      expect(millis).toBeGreaterThanOrEqual(supervisor.startedAt.getTime() - 1000);
    }
    expect((await stat(fixture.file('lines', 'log'))).mode & 0o777).toBe(0o640);
  });

  test('goes on where an earlier run left it', async () => {
    for (const run of ['first', 'second']) {
      const { supervisor } = await fixture.start('twice', { argv: ['echo', run] });
      await supervisor.exited;
    }
    expect((await readLog(fixture.file('twice', 'log'))).map(({ log }) => log)).toEqual([
      'first\n',
      'second\n',
    ]);
  });

  test('that cannot be opened fails the start', async () => {
    const start = fixture.start('nowhere/log', { argv: ['true'] });
    expect(start).rejects.toBeInstanceOf(PlanError);
    await start.catch(() => {});
  });

  test('rotates without losing or doubling a line', async () => {
    const { supervisor } = await fixture.start('rotating', {
      argv: ['seq', '1', '1000'],
      log: { maxSize: 20_000, maxFiles: 5, compress: false },
    });
    await supervisor.exited;
    const path = fixture.file('rotating', 'log');
    const files = [`${path}.4`, `${path}.3`, `${path}.2`, `${path}.1`, path].filter((file) =>
      existsSync(file),
    );
    expect(files.length).toBe(4);
    for (const file of files) expect((await stat(file)).size).toBeLessThanOrEqual(20_000);
    const lines = (await Promise.all(files.map(readLog))).flat().map(({ log }) => Number(log));
    expect(lines).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
  });

  test('compresses what was rotated', async () => {
    const { supervisor } = await fixture.start('packed', {
      argv: ['seq', '1', '300'],
      log: { maxSize: 20_000, maxFiles: 3, compress: true },
    });
    await supervisor.exited;
    const path = fixture.file('packed', 'log');
    while (!existsSync(`${path}.1.gz`) || existsSync(`${path}.1`)) await Bun.sleep(5);
    const old = gunzipSync(await Bun.file(`${path}.1.gz`).bytes()).toString();
    expect(old).toContain('"log":"1\\n"');
    expect(old.length).toBeLessThanOrEqual(20_000);
  });

  test('on a full disk drops records, says so once, and never stops the process', async () => {
    const full = `${fixture.directory}/full`;
    await mkdir(full);
    const notes: string[] = [];
    const log = { ...silentLogger, warn: (message: string) => void notes.push(message) };
    const { supervisor } = await fixture.start('full/disk', {
      argv: ['sh', '-c', 'read go; head -c 3000000 /dev/zero; echo done; read end'],
      stdin: true,
      before: [
        { op: 'unshare', flags: CLONE_NEWNS },
        {
          op: 'setAttributes',
          root: -1,
          path: '/',
          set: 0,
          clear: 0,
          propagation: MS_REC | MS_PRIVATE,
          recursive: 1,
        },
        {
          op: 'mount',
          root: -1,
          path: full,
          fstype: 'tmpfs',
          source: 'full',
          attributes: MOUNT_ATTR_NOSUID,
          options: ['size=64k'],
          propagation: 0,
          create: 0,
        },
      ],
    });
    const again = await connectSupervisor(
      { ...context, log },
      `/proc/${supervisor.pid}/root${fixture.file('full/disk', 'socket')}`,
    );
    const client = await again.attach(context, {
      stdin: true,
      stdout: false,
      stderr: false,
      detachKeys: new Uint8Array(),
    });
    await client.write(Buffer.from('go\nend\n'));
    expect((await again.exited).code).toBe(0);
    expect(notes.length).toBe(1);
    expect(notes[0]).toContain('No space left on device');
    supervisor.close();
  });
});
