import { expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import { isCode } from '../base/errors.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { BlobInfo, ContentStore, Lease } from './contract.ts';

const context = background();
const missing: Digest = `sha256:${'0'.repeat(64)}`;

/** What every content store does. `open` makes an empty one, which the caller cleans up. */
export function testContentStore(name: string, open: () => Promise<ContentStore>): void {
  test(`${name}: a committed blob is read back whole, in part and from a list`, async () => {
    const store = await open();
    const bytes = pattern(3_000_000);
    const info = await put(store, bytes);
    expect(info.digest).toBe(digestOf(bytes));
    expect(info.size).toBe(bytes.length);
    expect(await store.stat(info.digest)).toEqual(info);
    expect(await gather(store.read(info.digest))).toEqual(bytes);
    expect(await gather(store.read(info.digest, { offset: 1000, length: 2_000_000 }))).toEqual(
      bytes.subarray(1000, 2_001_000),
    );
    expect(await gather(store.read(info.digest, { offset: 2_999_990 }))).toEqual(bytes.subarray(2_999_990));
    expect(await gather(store.read(info.digest, { offset: 4_000_000 }))).toHaveLength(0);
    expect(await Array.fromAsync(store.list())).toEqual([info]);
  });

  test(`${name}: an empty blob is a blob`, async () => {
    const store = await open();
    const info = await put(store, Buffer.alloc(0));
    expect(info).toMatchObject({ digest: digestOf(''), size: 0 });
    expect(await store.readAll(info.digest, 0)).toHaveLength(0);
  });

  test(`${name}: readAll refuses what is larger than its limit`, async () => {
    const store = await open();
    const { digest } = await put(store, Buffer.from('twelve bytes'));
    expect(Buffer.from(await store.readAll(digest, 12)).toString()).toBe('twelve bytes');
    await expectCode(store.readAll(digest, 11), 'exhausted');
  });

  test(`${name}: a missing blob is not found`, async () => {
    const store = await open();
    expect(await store.stat(missing)).toBeUndefined();
    await expectCode(store.readAll(missing, 10), 'not-found');
    await expectCode(gather(store.read(missing)), 'not-found');
    await store.delete(missing);
  });

  test(`${name}: a writer refuses bytes that are not the expected ones`, async () => {
    const store = await open();
    const digest = digestOf('other');
    for (const expected of [{ digest }, { size: 5 }]) {
      const writer = await store.writer(context);
      await writer.write(Buffer.from('bytes!'));
      await expectCode(writer.commit(expected), 'data-loss');
      await expect(writer.write(Buffer.from('more'))).rejects.toThrow('already');
    }
    expect(await Array.fromAsync(store.list())).toEqual([]);
  });

  test(`${name}: what is cancelled or only disposed of leaves nothing`, async () => {
    const store = await open();
    const cancelled = await store.writer(context);
    await cancelled.write(Buffer.from('bytes'));
    await cancelled.cancel();
    await cancelled.cancel();
    {
      await using disposed = await store.writer(context);
      await disposed.write(pattern(2_500_000));
      expect(disposed.size).toBe(2_500_000);
    }
    expect(await Array.fromAsync(store.list())).toEqual([]);
  });

  test(`${name}: a writer keeps what a chunk was when it was written`, async () => {
    const store = await open();
    const chunk = Buffer.alloc(700_000);
    await using writer = await store.writer(context);
    for (const fill of [1, 2, 3, 4]) {
      chunk.fill(fill);
      await writer.write(chunk);
    }
    chunk.fill(9);
    const { digest } = await writer.commit();
    const bytes = await store.readAll(digest, 2_800_000);
    expect([0, 699_999, 700_000, 2_799_999].map((at) => bytes[at])).toEqual([1, 1, 2, 4]);
    expect(digestOf(bytes)).toBe(digest);
  });

  test(`${name}: the same blob may be written by many at once`, async () => {
    const store = await open();
    const infos = await Promise.all([1, 2, 3, 4].map(() => put(store, pattern(100_000))));
    expect(new Set(infos.map((info) => info.digest)).size).toBe(1);
    expect(await Array.fromAsync(store.list())).toHaveLength(1);
  });

  test(`${name}: an aborted context stops a writer with its reason`, async () => {
    const store = await open();
    const abort = new AbortController();
    await using writer = await store.writer({ ...context, signal: abort.signal });
    abort.abort(new Error('no longer wanted'));
    await expect(writer.write(Buffer.from('x'))).rejects.toThrow('no longer wanted');
  });

  test(`${name}: collect removes what is neither rooted nor leased`, async () => {
    const store = await open();
    const lease = store.lease();
    const rooted = await put(store, Buffer.from('rooted'));
    const leased = await put(store, Buffer.from('leased'), lease);
    const loose = await put(store, Buffer.from('loose'));
    const isRooted = (digest: Digest): boolean => digest === rooted.digest;
    expect(await store.collect(context, isRooted)).toBe(5);
    expect(await store.stat(loose.digest)).toBeUndefined();
    expect(await store.stat(leased.digest)).toBeDefined();
    lease[Symbol.dispose]();
    expect(await store.collect(context, isRooted)).toBe(6);
    expect(await Array.fromAsync(store.list())).toEqual([rooted]);
  });

  test(`${name}: collect runs beside writers, and no leased blob is lost`, async () => {
    const store = await open();
    const write = async (round: number): Promise<void> => {
      using lease = store.lease();
      const { digest } = await put(store, Buffer.from(`blob ${round % 3}`), lease);
      await Bun.sleep(0);
      expect((await store.readAll(digest, 100)).length).toBe(6);
    };
    const collect = async (): Promise<void> => {
      for (let round = 0; round < 20; round++) await store.collect(context, () => false);
    };
    await Promise.all([collect(), ...Array.from({ length: 60 }, (_, round) => write(round))]);
    await store.collect(context, () => false);
    expect(await Array.fromAsync(store.list())).toEqual([]);
  });
}

/** Bytes that do not repeat by the block. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8)) & 0xff;
  return bytes;
}

async function put(store: ContentStore, bytes: Uint8Array, lease?: Lease): Promise<BlobInfo> {
  await using writer = await store.writer(context);
  await writer.write(bytes);
  return await writer.commit({}, lease);
}

async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source));
}

async function expectCode(promise: Promise<unknown>, code: Parameters<typeof isCode>[1]): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(isCode(error, code)).toBe(true);
}
