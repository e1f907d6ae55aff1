import { expect, test } from 'bun:test';
import { duplexPair } from 'node:stream';
import type { ByteStream } from './grpc/byte-stream.ts';
import { ClientSessions, MAX_SESSIONS } from './sessions.ts';

/** A connection whose other end says nothing. */
function silent(): ByteStream & { readonly isDestroyed: boolean } {
  const [side] = duplexPair();
  const closed = Promise.withResolvers<void>();
  let isDestroyed = false;
  return {
    read: () => closed.promise.then(() => undefined),
    write: () => undefined,
    finish: () => {},
    destroy: () => {
      isDestroyed = true;
      side.destroy();
      closed.resolve();
    },
    onClose: (listener) => void closed.promise.then(listener),
    get isDestroyed() {
      return isDestroyed;
    },
  };
}

const { signal } = new AbortController();
const facts = (id: string) => ({ id, sharedKey: '', methods: new Set<string>() });

test('a session is found when it comes, by its latest connection, until that is closed', async () => {
  const sessions = new ClientSessions();
  const finding = sessions.find('one', signal);
  const [first, second] = [silent(), silent()];
  const serving = sessions.serve(first, { ...facts('one'), sharedKey: 'first' });
  expect((await finding).sharedKey).toBe('first');
  const again = sessions.serve(second, { ...facts('one'), sharedKey: 'second' });
  expect((await sessions.find('one', signal)).sharedKey).toBe('second');
  first.destroy();
  await serving;
  expect((await sessions.find('one', signal)).sharedKey).toBe('second');
  second.destroy();
  await again;
  await expect(sessions.find('one', AbortSignal.abort(new Error('given up')))).rejects.toThrow('given up');
});

test('a build that is given up no longer waits for its session', async () => {
  const given = new AbortController();
  const finding = new ClientSessions().find('never', given.signal);
  given.abort(new Error('enough'));
  await expect(finding).rejects.toThrow('enough');
});

test('there are no more sessions than there may be', async () => {
  const sessions = new ClientSessions();
  const streams = Array.from({ length: MAX_SESSIONS }, silent);
  const serving = streams.map((stream, number) => sessions.serve(stream, facts(`${number}`)));
  const late = silent();
  await sessions.serve(late, facts('late'));
  expect(late.isDestroyed).toBe(true);
  for (const stream of streams) stream.destroy();
  await Promise.all(serving);
  const next = silent();
  const served = sessions.serve(next, facts('next'));
  expect((await sessions.find('next', signal)).id).toBe('next');
  next.destroy();
  await served;
});
