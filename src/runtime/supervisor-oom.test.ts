import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { O_WRONLY } from '../plan/constants.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import type { Attachment } from './contract.ts';
import {
  allStreams,
  collect,
  context,
  openSupervisorFixture,
  type SupervisorFixture,
} from './testing/supervisor-fixture.ts';

const onCgroupV1 = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes');

let fixture: SupervisorFixture;
let group: string;
beforeAll(async () => {
  fixture = await openSupervisorFixture();
  group = `${onCgroupV1 ? '/sys/fs/cgroup/memory' : '/sys/fs/cgroup'}/${basename(fixture.directory)}`;
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

function write(path: string, text: string): Operation {
  return { op: 'write', dir: HOST, path, flags: O_WRONLY, mode: 0, data: Buffer.from(text), ignore: [] };
}

function groupSteps(): { before: Operation[]; parent: Operation[]; after: Operation[] } {
  const limit = onCgroupV1 ? 'memory.limit_in_bytes' : 'memory.max';
  return {
    before: [
      { op: 'mkdir', dir: HOST, path: group, mode: 0o755 },
      write(`${group}/${limit}`, String(32 << 20)),
      { op: 'watchOom', path: group, version: onCgroupV1 ? 1 : 2 },
    ],
    parent: [{ op: 'writePid', dir: HOST, path: `${group}/cgroup.procs` }],
    after: [{ op: 'removeCgroup', path: group }],
  };
}

/** Fills memory until the kernel ends it; one process alone, as two on a pipe can block each other in version 1. */
const hog = 'tail /dev/zero';

test('an OOM kill is noticed when it happens and told with the exit', async () => {
  const { supervisor, attachments } = await fixture.start('oom', {
    argv: ['sh', '-c', `${hog}; echo survived; read end; exit 3`],
    stdin: true,
    attach: [allStreams],
    ...groupSteps(),
  });
  const kills = Promise.withResolvers<void>();
  supervisor.onOom(() => kills.resolve());
  await kills.promise;
  const [client] = attachments as [Attachment];
  await client.write(Buffer.from('\n'));
  expect((await collect(client)).stdout).toBe('survived\n');
  const exit = await supervisor.exited;
  expect(exit.code).toBe(3);
  expect(exit.oomKilled).toBe(true);
  expect(existsSync(group)).toBe(false);
});

test('a removed cgroup is not taken for an OOM kill', async () => {
  const notices: string[] = [];
  const { supervisor } = await fixture.start('calm', { argv: ['sleep', '1000'], ...groupSteps() });
  supervisor.onOom(() => notices.push('oom'));
  await supervisor.signal(context, 9);
  expect(await supervisor.exited).toMatchObject({ code: 137, oomKilled: false });
  expect(notices).toEqual([]);
});
