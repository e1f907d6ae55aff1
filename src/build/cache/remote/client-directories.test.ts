import { describe, expect, test } from 'bun:test';
import { background } from '../../../base/context.ts';
import { codeOf } from '../../../base/errors.ts';
import { digestOf } from '../../../oci/digest.ts';
import type { BlobMove } from '../../contract.ts';
import { inOne } from './cache-destination.ts';
import { WaitingDirectories } from './client-directories.ts';

const context = background();
const bytes = Buffer.from('what is in it');
const blob = { digest: digestOf(bytes), size: bytes.length, mediaType: 'application/x-blob' };

function open(blobs = new Map([[blob.digest, blob.size]])) {
  const directories = new WaitingDirectories();
  const id = directories.add(blobs);
  const moves: BlobMove[] = [];
  const { promise: told, resolve } = Promise.withResolvers<void>();
  const opened = directories.use(id, (move) => {
    moves.push(move);
    resolve();
  });
  return { ...{ directories, id, moves, told }, opened, directory: opened.directory };
}

describe("a client's directory", () => {
  test('is told what is wanted, and gives it', async () => {
    const { directories, directory, id, moves, told } = open();
    const reading = Array.fromAsync(directory.read(context, blob, 5));
    await told;
    await directories.give(context, id, blob.digest, inOne(bytes.subarray(moves[0]?.offset)));
    expect(Buffer.concat(await reading).toString()).toBe('is in it');
    expect(moves).toEqual([{ kind: 'wanted', directory: id, offset: 5, ...blob }]);
    expect(await directory.size(context, blob.digest)).toBe(blob.size);
  });

  test('is told what it is to get, and what it is known by', async () => {
    const { directories, directory, id, moves, told } = open(new Map());
    const writing = directory.write(context, blob, inOne(bytes));
    await told;
    const taken = Buffer.concat(await Array.fromAsync(directories.take(context, id, blob.digest)));
    await writing;
    await directory.finish(context, blob);
    expect([taken.toString(), moves.map(({ kind }) => kind)]).toEqual([
      'what is in it',
      ['offered', 'finished'],
    ]);
    expect(await directory.size(context, blob.digest)).toBe(blob.size);
  });

  test('that takes half of a blob has not got it', async () => {
    const { directories, directory, id, told } = open(new Map());
    async function* halves() {
      yield bytes;
      yield bytes;
    }
    const writing = directory.write(context, blob, halves()).catch(codeOf);
    await told;
    for await (const _ of directories.take(context, id, blob.digest)) break;
    expect(await writing).toBe('unavailable');
    expect(await directory.size(context, blob.digest)).toBeUndefined();
  });

  test('is one build’s, until that has ended', async () => {
    const { directories, directory, id, opened, told } = open();
    expect(codeWhile(() => directories.use(id, () => {}))).toBe('conflict');
    const reading = Array.fromAsync(directory.read(context, blob, 0)).catch(codeOf);
    await told;
    opened[Symbol.dispose]();
    expect(await reading).toBe('unavailable' as never);
    expect(codeWhile(() => directories.take(context, id, blob.digest))).toBe('not-found');
  });

  test('is not given what nobody wants, and gives up with its build', async () => {
    const { directories, directory, id } = open();
    expect(await directories.give(context, id, blob.digest, inOne(bytes)).catch(codeOf)).toBe('not-found');
    const failing = Array.fromAsync(directories.take(context, id, blob.digest)).catch(codeOf);
    expect(await failing).toBe('not-found' as never);
    const given = new AbortController();
    const own = { ...context, signal: given.signal };
    const reading = Array.fromAsync(directory.read(own, blob, 0)).catch((error: Error) => error.message);
    given.abort(new Error('enough'));
    expect(await reading).toBe('enough' as never);
  });
});

function codeWhile(work: () => unknown): string {
  try {
    work();
    return '';
  } catch (error) {
    return codeOf(error);
  }
}
