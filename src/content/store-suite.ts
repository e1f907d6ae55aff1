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

  test(`${name}: collect among some looks at no others`, async () => {
    const store = await open();
    const [one, two, held] = [Buffer.from('one'), Buffer.from('two'), Buffer.from('held')];
    using lease = store.lease();
    const infos = [await put(store, one), await put(store, two), await put(store, held, lease)];
    const among = [digestOf('one'), digestOf('held'), missing];
    expect(await store.collect(context, () => false, among)).toBe(3);
    expect((await Array.fromAsync(store.list())).map(({ digest }) => digest).sort()).toEqual(
      infos
        .slice(1)
        .map(({ digest }) => digest)
        .sort(),
    );
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

  test(`${name}: a partial goes on where the one before was left, and becomes a blob`, async () => {
    const store = await open();
    const bytes = pattern(3_000_000);
    const digest = digestOf(bytes);
    {
      await using first = await store.partial(context, digest);
      expect([first.size, (await gather(first.existing)).length]).toEqual([0, 0]);
      await first.write(bytes.subarray(0, 1_300_000));
    }
    expect((await store.usage()).partials).toBeGreaterThanOrEqual(1_300_000);
    expect(await store.stat(digest)).toBeUndefined();
    await using second = await store.partial(context, digest);
    expect(second.size).toBe(1_300_000);
    expect(await gather(second.existing)).toEqual(bytes.subarray(0, 1_300_000));
    await second.write(bytes.subarray(1_300_000));
    using lease = store.lease();
    const info = await second.commit({ size: bytes.length }, lease);
    expect([info.digest, info.size]).toEqual([digest, 3_000_000]);
    await store.collect(context, () => false);
    expect(await gather(store.read(digest))).toEqual(bytes);
    const { blobs, partials } = await store.usage();
    expect([blobs >= bytes.length, partials]).toEqual([true, 0]);
  });

  test(`${name}: a partial whose beginning nobody reads is verified all the same`, async () => {
    const store = await open();
    const bytes = pattern(900_000);
    for (const [start, end] of [
      [0, 500_000],
      [500_000, 700_000],
      [700_000, 900_000],
    ] as const) {
      await using partial = await store.partial(context, digestOf(bytes));
      await partial.write(bytes.subarray(start, end));
      if (end === bytes.length) await partial.commit();
    }
    expect(await gather(store.read(digestOf(bytes)))).toEqual(bytes);
  });

  test(`${name}: a partial with other bytes than its digest says is forgotten at its commit`, async () => {
    const store = await open();
    const digest = digestOf('the right bytes');
    {
      await using partial = await store.partial(context, digest);
      await partial.write(Buffer.from('the wrong '));
    }
    {
      await using partial = await store.partial(context, digest);
      await partial.write(Buffer.from('bytes'));
      await expectCode(partial.commit(), 'data-loss');
    }
    expect(await store.stat(digest)).toBeUndefined();
    expect((await store.usage()).partials).toBe(0);
    await using again = await store.partial(context, digest);
    expect(again.size).toBe(0);
  });

  test(`${name}: a cancelled partial is forgotten, and one of a blob that is here is refused`, async () => {
    const store = await open();
    const digest = digestOf('bytes');
    const partial = await store.partial(context, digest);
    await partial.write(Buffer.from('byt'));
    await partial.cancel();
    await expect(partial.write(Buffer.from('es'))).rejects.toThrow('already');
    expect((await store.usage()).partials).toBe(0);
    await put(store, Buffer.from('bytes'));
    await expectCode(store.partial(context, digest), 'conflict');
    await expectCode(store.partial(context, digest), 'conflict');
  });

  test(`${name}: the partial of a digest has one writer at a time`, async () => {
    const store = await open();
    const digest = digestOf('abcdef');
    const first = await store.partial(context, digest);
    const second = store.partial(context, digest);
    const stop = new AbortController();
    const third = store.partial({ ...context, signal: stop.signal }, digest);
    stop.abort(new Error('no longer wanted'));
    await expect(third).rejects.toThrow('no longer wanted');
    await first.write(Buffer.from('abc'));
    await first[Symbol.asyncDispose]();
    await using writer = await second;
    expect(writer.size).toBe(3);
    await writer.write(Buffer.from('def'));
    const fourth = store.partial(context, digest);
    await writer.commit();
    await expectCode(fourth, 'conflict');
  });

  test(`${name}: a blob that is set aside is a whole partial`, async () => {
    const store = await open();
    const { digest } = await put(store, Buffer.from('whole'));
    await store.setAside(digest);
    await store.setAside(missing);
    expect(await store.stat(digest)).toBeUndefined();
    {
      await using partial = await store.partial(context, digest);
      expect((await gather(partial.existing)).toString()).toBe('whole');
      await partial.commit({ size: 5 });
    }
    expect((await gather(store.read(digest))).toString()).toBe('whole');
  });

  test(`${name}: a blob that is leased is not set aside`, async () => {
    const store = await open();
    const { digest } = await put(store, Buffer.from('whole'));
    using lease = store.lease();
    lease.hold(digest);
    await store.setAside(digest);
    expect((await gather(store.read(digest))).toString()).toBe('whole');
  });

  test(`${name}: dropPartials spares what is written now and what was written lately`, async () => {
    const store = await open();
    const [idle, busy] = [digestOf('idle'), digestOf('busy')];
    for (const digest of [idle, busy]) {
      await using partial = await store.partial(context, digest);
      await partial.write(Buffer.from('some'));
    }
    expect(await store.dropPartials(context, new Date(Date.now() - 60_000))).toBe(0);
    {
      await using writer = await store.partial(context, busy);
      expect(await store.dropPartials(context, new Date(Date.now() + 60_000))).toBeGreaterThanOrEqual(4);
      expect(writer.size).toBe(4);
      await using other = await store.partial(context, idle);
      expect(other.size).toBe(0);
    }
    await store.dropPartials(context, new Date(Date.now() + 60_000));
    expect((await store.usage()).partials).toBe(0);
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
