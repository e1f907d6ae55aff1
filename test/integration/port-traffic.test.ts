import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** What goes through a port that is published on loopback, where the supervisor carries it. */

const MEGABYTE = 1 << 20;

let daemon: TestDaemon;
let port: number;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  const echo = ['nc', '-ll', '-p', '7', '-e', 'cat'];
  daemon.sampan('run', '-d', '--name', 'echo', '-p', '127.0.0.1::7', 'busybox', ...echo);
  port = Number(daemon.sampan('port', 'echo', '7').split(':').at(-1));
  while (!(await echoed(Buffer.from('?'))).equals(Buffer.from('?'))) await Bun.sleep(20);
});

afterAll(() => daemon[Symbol.asyncDispose]());

/** Sends all of `bytes`, says that no more comes, and returns what comes back; `pause`: milliseconds between what is read. */
async function echoed(bytes: Buffer, pause = 0): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(bytes);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of socket) {
      chunks.push(chunk);
      if (pause > 0) await Bun.sleep(pause);
    }
  } catch {
    // A server that does not listen yet.
  }
  return Buffer.concat(chunks);
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a connection through a port on loopback', () => {
  for (const size of [0, 1, MEGABYTE - 1, MEGABYTE, 3 * MEGABYTE + 7, 24 * MEGABYTE]) {
    test(`gives back all of ${size} bytes, also behind the end of what was sent`, async () => {
      const bytes = randomBytes(size);
      expect(digest(await echoed(bytes))).toBe(digest(bytes));
    });
  }

  test('loses nothing when its client reads slowly', async () => {
    const bytes = randomBytes(8 * MEGABYTE);
    expect(digest(await echoed(bytes, 5))).toBe(digest(bytes));
  });

  test('is as good as any of a hundred at once', async () => {
    const bytes = randomBytes(2 * MEGABYTE);
    // busybox's server hangs up on some of so many, also where nothing is between it and them.
    const again = async (): Promise<Buffer> => {
      const answer = await echoed(bytes);
      return answer.length === 0 ? again() : answer;
    };
    const answers = await Promise.all(Array.from({ length: 100 }, again));
    expect(new Set(answers.map(digest))).toEqual(new Set([digest(bytes)]));
  });

  test('leaves the supervisor no descriptors', async () => {
    const { State } = JSON.parse(daemon.sampan('inspect', 'echo'))[0];
    const supervisor = (await Bun.file(`/proc/${State.Pid}/stat`).text()).split(') ')[1]?.split(' ')[1];
    const open = (): number =>
      [...new Bun.Glob('*').scanSync({ cwd: `/proc/${supervisor}/fd`, onlyFiles: false })].length;
    for (let tries = 0; open() > 40 && tries < 100; tries++) await Bun.sleep(20);
    expect(open()).toBeLessThan(40);
  });
});
