import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { digestOf } from '../oci/digest.ts';
import { readTar } from '../oci/tar/archive.ts';
import type { Images, PushOptions } from './contract.ts';
import type { StoredImages } from './images.ts';
import { stream } from './testing/archives.ts';
import { ImageBench } from './testing/image-bench.ts';
import {
  foreign,
  foreignLayer,
  host,
  hostLayer,
  makeIndexed,
  memberOf,
  statement,
} from './testing/indexed.ts';

const anonymous: PushOptions = { credentials: undefined, platform: undefined };
const plain = { platform: undefined };
const gently = { force: false, prune: true };
const arm = { os: 'linux', architecture: 'arm64' };

let bench: ImageBench;
let images: StoredImages;
let made: Awaited<ReturnType<typeof makeIndexed>>;

beforeEach(async () => {
  bench = new ImageBench();
  images = await bench.open();
  made = await makeIndexed(bench.context, images, 'r.example/app:1');
});
afterEach(() => bench[Symbol.dispose]());

async function save(...args: Parameters<Images['save']> extends [unknown, ...infer Rest] ? Rest : never) {
  return Buffer.concat(await Array.fromAsync(images.save(bench.context, ...args)));
}

/** A second store, which has only what it is given. */
async function elsewhere<T>(work: (images: StoredImages, other: ImageBench) => Promise<T>): Promise<T> {
  using other = new ImageBench();
  return await work(await other.open(), other);
}

/** Everything that is kept. */
async function kept(): Promise<unknown[]> {
  const blobs = await Array.fromAsync(bench.content.list());
  return [...blobs, ...(await Array.fromAsync(bench.snapshots.layers())), ...images.list()];
}

describe('a name for an index', () => {
  test('finds the image for this host, or for the platform that is asked for', () => {
    expect(images.get('r.example/app:1').id).toBe(made.host);
    expect(images.get('r.example/app:1', foreign).id).toBe(made.foreign);
    expect(images.history('r.example/app:1', foreign)[0]?.createdBy).toBe('made for s390x');
    expect(images.find('r.example/app:1', arm)).toBeUndefined();
    expect(() => images.get('r.example/app:1', arm)).toThrow(
      'image with reference r.example/app:1 was found but does not provide the specified platform (linux/arm64)',
    );
    expect(() => images.get('none', arm)).toThrow('No such image: none:latest');
  });

  test('is the name of all its images, of which lists show one', () => {
    const [one, other] = [made.foreign, made.host].map((id) => images.get(id));
    expect([one?.tags, one?.listedAs]).toEqual([['r.example/app:1'], made.host]);
    expect([other?.tags, other?.listedAs]).toEqual([['r.example/app:1'], undefined]);
  });

  test("is as good as the index's digest, whole or by its beginning", () => {
    for (const text of [made.digest, made.digest.slice(7), made.digest.slice(7, 27)]) {
      expect([images.get(text).id, images.get(text, foreign).id]).toEqual([made.host, made.foreign]);
    }
  });

  test('becomes another one for it by tag, and an ID is the image alone', async () => {
    await images.tag(bench.context, 'r.example/app:1', 'copy');
    expect(images.get('copy', foreign).id).toBe(made.foreign);
    await images.tag(bench.context, images.get('copy').id, 'alone');
    expect(images.find('alone', foreign)).toBeUndefined();
    images = await bench.open();
    expect(images.get('copy', foreign).id).toBe(made.foreign);
    expect(images.find('alone', foreign)).toBeUndefined();
  });

  test('that goes to another image leaves nothing of the index but its images', async () => {
    await images.tag(bench.context, made.host, 'r.example/app:1');
    expect(images.get(made.foreign).tags).toEqual([]);
    expect(images.find(made.digest)).toBeUndefined();
    expect(await bench.content.stat(made.digest)).toBeUndefined();
    expect(await bench.content.stat(digestOf(statement.bytes))).toBeUndefined();
    expect(images.get('r.example/app:1').id).toBe(made.host);
  });

  test('that is made anew leaves nothing of the index that had it', async () => {
    const other = { ...statement, bytes: Buffer.from('{"made":"later"}') };
    const members = [
      memberOf(made.foreign, foreign),
      memberOf(made.host, host, { statements: () => [other] }),
    ];
    const again = { members, annotations: {}, references: ['r.example/app:1'] };
    const { digest } = await images.maker.createIndex(bench.context, again);
    await images.prune(bench.context, { filter: () => false });
    expect(images.find(made.digest)).toBeUndefined();
    expect(await bench.content.stat(digestOf(statement.bytes))).toBeUndefined();
    expect(images.get(digest, foreign).id).toBe(made.foreign);
  });

  test('is not needed for an index to stay, until others have all of its images', async () => {
    const members = [memberOf(made.foreign, foreign), memberOf(made.host, host)];
    const request = { members, annotations: { nameless: 'yes' }, references: [] };
    const { digest } = await images.maker.createIndex(bench.context, request);
    await images.collect(bench.context);
    expect(images.get(digest).id).toBe(made.host);
    await images.prune(bench.context, { filter: () => false });
    expect(images.find(digest)).toBeUndefined();
    expect(await bench.content.stat(digest)).toBeUndefined();
  });

  test('tells its manifests, which are images and what is said about them', async () => {
    const { target, manifests } = await images.manifests(bench.context, 'r.example/app:1');
    expect(target).toMatchObject({ digest: made.digest, size: made.size });
    expect(manifests).toMatchObject([
      { kind: 'image', available: true, image: made.foreign, platform: foreign },
      { kind: 'image', available: true, image: made.host, platform: host, unpackedSize: hostLayer.length },
      { kind: 'attestation', available: true, subject: made.members[1]?.manifest, unpackedSize: 0 },
    ]);
    const own = await images.manifests(bench.context, 'r.example/app:1', foreign);
    expect(own.target?.digest).toBe(made.members[0]?.manifest);
    expect(own.manifests.map(({ image }) => image)).toEqual([made.foreign]);
  });

  test('counts in what is used, once for all its images', async () => {
    let unique = 0;
    for await (const { size } of bench.content.list()) unique += Math.ceil(size / 4_096) * 4_096;
    for await (const layer of bench.snapshots.layers()) unique += await bench.snapshots.layerUsage(layer);
    const { unused, images: usage } = await images.usage(bench.context);
    expect(unused).toBe(0);
    expect([...usage]).toEqual([[made.host, { shared: 0, unique }]]);
  });
});

describe('removal', () => {
  test('of the last name takes all that only the index has, and says so', async () => {
    await images.tag(bench.context, 'r.example/app:1', 'copy');
    expect(await images.remove(bench.context, 'copy', gently)).toEqual([{ Untagged: 'copy:latest' }]);
    expect(await images.remove(bench.context, 'r.example/app:1', gently)).toEqual([
      { Untagged: 'r.example/app:1' },
      { Deleted: made.foreign },
      { Deleted: digestOf(foreignLayer) },
      { Deleted: made.host },
      { Deleted: digestOf(hostLayer) },
      { Deleted: made.digest },
    ]);
    expect(await kept()).toEqual([]);
  });

  test.each([['host'], ['digest']] as const)('by the %s takes it too', async (which) => {
    await images.remove(bench.context, made[which], gently);
    expect(await kept()).toEqual([]);
  });

  test('leaves an image that has another name', async () => {
    await images.tag(bench.context, made.foreign, 'other');
    await images.remove(bench.context, 'r.example/app:1', gently);
    expect(images.list().map(({ id, tags }) => [id, tags])).toEqual([[made.foreign, ['other:latest']]]);
  });

  test('of an image that an index has for another platform must be forced', async () => {
    const remove = (force: boolean): Promise<unknown> =>
      images.remove(bench.context, made.foreign, { force, prune: true });
    await expect(remove(false)).rejects.toThrow('(must be forced) - image is part of r.example/app:1');
    await remove(true);
    expect(images.get('r.example/app:1').id).toBe(made.host);
    const { manifests } = await images.manifests(bench.context, 'r.example/app:1');
    expect(manifests.map(({ available }) => available)).toEqual([false, true, true]);
  });

  test('of some platforms leaves the others under the name', async () => {
    const platforms = [host];
    await images.remove(bench.context, 'r.example/app:1', { ...gently, platforms });
    expect(images.get('r.example/app:1').id).toBe(made.foreign);
    images = await bench.open();
    expect(images.get('r.example/app:1').id).toBe(made.foreign);
    await images.remove(bench.context, 'r.example/app:1', { ...gently, platforms: [foreign] });
    expect(await kept()).toEqual([]);
  });

  test('is refused while a container uses any of the images', async () => {
    bench.usersOf = (id) => (id === made.foreign ? [{ id: 'c'.repeat(64), running: false }] : []);
    const message = `container ${'c'.repeat(12)} is using its referenced image ${made.foreign.slice(7, 19)}`;
    await expect(images.remove(bench.context, 'r.example/app:1', gently)).rejects.toThrow(message);
    await expect(images.remove(bench.context, made.host, gently)).rejects.toThrow('stopped container');
    const { items } = await images.prune(bench.context, { filter: () => true });
    expect(items).toEqual([]);
    await images.remove(bench.context, 'r.example/app:1', { force: true, prune: true });
    expect(await kept()).toEqual([]);
  });

  test('by prune takes an index whole, and none of a name that is spared', async () => {
    await images.prune(bench.context, { filter: ({ tags }) => tags.length === 0 });
    expect(images.list()).toHaveLength(2);
    await images.prune(bench.context, { filter: () => true });
    expect(await kept()).toEqual([]);
  });
});

describe('push', () => {
  test('brings all that the index names, and the index last', async () => {
    const [pushed] = await images.push(bench.context, 'r.example/app:1', anonymous);
    expect(pushed).toEqual({ tag: '1', digest: made.digest, size: made.size });
    const { manifests, blobs } = bench.registry.repository('r.example/app');
    const index = JSON.parse(Buffer.from(manifests.get('1')?.bytes ?? []).toString());
    expect([...manifests.keys()]).toEqual([
      ...index.manifests.map(({ digest }: { digest: string }) => digest),
      '1',
    ]);
    expect(blobs.has(digestOf(statement.bytes))).toBe(true);
    expect(images.get('r.example/app:1', foreign).digests).toEqual([`r.example/app@${made.digest}`]);
    expect(images.get(`r.example/app@${made.digest}`, foreign).id).toBe(made.foreign);
  });

  test('of one platform brings its image alone', async () => {
    const options = { ...anonymous, platform: foreign };
    const [pushed] = await images.push(bench.context, 'r.example/app:1', options);
    expect(pushed?.digest).toBe(made.members[0]?.manifest ?? made.digest);
    expect([...bench.registry.repository('r.example/app').manifests.keys()]).toEqual(['1']);
  });

  test('of an index of which one image is left brings that one, and says so', async () => {
    await images.remove(bench.context, 'r.example/app:1', { ...gently, platforms: [foreign] });
    const [pushed] = await images.push(bench.context, 'r.example/app:1', anonymous);
    expect(pushed).toMatchObject({
      digest: made.members[1]?.manifest,
      insteadOf: { index: { digest: made.digest }, manifest: { platform: host } },
    });
  });

  test('of an index that lacks something refuses to guess', async () => {
    await bench.content.delete(digestOf(statement.bytes));
    await expect(images.push(bench.context, 'r.example/app:1', anonymous)).rejects.toThrow(
      'r.example/app:1 is an index of several platforms',
    );
  });
});

describe('what is being read', () => {
  test('is pushed whole though it is removed meanwhile, and goes then', async () => {
    const target = bench.registry.target.bind(bench.registry);
    bench.registry.target = async (context, reference) => {
      await images.remove(bench.context, 'r.example/app:1', gently);
      expect(images.list()).toEqual([]);
      return target(context, reference);
    };
    const [pushed] = await images.push(bench.context, 'r.example/app:1', anonymous);
    expect(pushed?.digest).toBe(made.digest);
    expect(await kept()).toEqual([]);
  });

  test('is saved whole though it is removed meanwhile, and goes then', async () => {
    const whole = await save(['r.example/app:1'], plain);
    const archive = images.save(bench.context, ['r.example/app:1'], plain)[Symbol.asyncIterator]();
    const parts = [(await archive.next()).value];
    await images.remove(bench.context, 'r.example/app:1', gently);
    for (let part = await archive.next(); !part.done; part = await archive.next()) parts.push(part.value);
    expect(Buffer.concat(parts)).toEqual(whole);
    expect(await kept()).toEqual([]);
  });

  test('is none of a removal whose client leaves: it goes all the same', async () => {
    const stop = new AbortController();
    const removing = images.remove({ ...bench.context, signal: stop.signal }, 'r.example/app:1', gently);
    stop.abort(new Error('the client has left'));
    await removing;
    expect(await kept()).toEqual([]);
  });
});

describe('an archive', () => {
  test('has all of an index, and brings it back', async () => {
    const archive = await save(['r.example/app:1'], plain);
    expect(await save(['r.example/app:1'], plain)).toEqual(archive);
    await elsewhere(async (others, other) => {
      const loaded = await others.load(other.context, stream(archive, 10_000), plain);
      expect(loaded).toEqual([{ reference: 'r.example/app:1', id: made.host }]);
      expect(others.get('r.example/app:1', foreign).id).toBe(made.foreign);
      await others.collect(other.context);
      const [pushed] = await others.push(other.context, 'r.example/app:1', anonymous);
      expect(pushed?.digest).toBe(made.digest);
    });
  });

  test('names the image for this host to those who know no indexes', async () => {
    const members = new Map<string, string>();
    for await (const member of readTar(stream(await save(['r.example/app:1'], plain)))) {
      members.set(member.entry.name, await member.text(1 << 20));
    }
    expect(JSON.parse(members.get('manifest.json') ?? '')).toMatchObject([
      { Config: `blobs/sha256/${made.host.slice(7)}`, RepoTags: ['r.example/app:1'] },
    ]);
    const { manifests } = JSON.parse(members.get('index.json') ?? '');
    expect(manifests).toMatchObject([
      { digest: made.digest, annotations: { 'io.containerd.image.name': 'r.example/app:1' } },
    ]);
  });

  test('of a nameless index is loaded by its digest', async () => {
    const archive = await save([made.digest], plain);
    await elsewhere(async (others, other) => {
      expect(await others.load(other.context, stream(archive, 10_000), plain)).toEqual([{ id: made.digest }]);
      await others.tag(other.context, made.digest, 'again');
      expect(others.get('again', foreign).id).toBe(made.foreign);
    });
  });

  test('of one platform has its image alone', async () => {
    const archive = await save(['r.example/app:1'], { platform: foreign });
    await elsewhere(async (others, other) => {
      await others.load(other.context, stream(archive, 10_000), plain);
      expect(others.list().map(({ id }) => id)).toEqual([made.foreign]);
    });
  });

  test('gives the platform that is asked for, and the others later under the same name', async () => {
    const archive = await save(['r.example/app:1'], plain);
    await elsewhere(async (others, other) => {
      await others.load(other.context, stream(archive, 10_000), { platform: foreign });
      expect(others.list().map(({ id }) => id)).toEqual([made.foreign]);
      await others.load(other.context, stream(archive, 10_000), { platform: host });
      expect(others.get('r.example/app:1').id).toBe(made.host);
      expect(others.get('r.example/app:1', foreign).id).toBe(made.foreign);
    });
  });

  test('of an index that lacks something has what there is', async () => {
    await bench.content.delete(digestOf(statement.bytes));
    const archive = await save(['r.example/app:1'], plain);
    await elsewhere(async (others, other) => {
      await others.load(other.context, stream(archive, 10_000), plain);
      const { target, manifests } = await others.manifests(other.context, 'r.example/app:1');
      expect(target?.digest).toBe(made.digest);
      expect(manifests.map(({ available }) => available)).toEqual([true, true, false]);
    });
  });

  test('may have statements larger than documents are', async () => {
    const large = { ...statement, bytes: Buffer.alloc(9 << 20, ' ') };
    const members = [memberOf(made.host, host, { statements: () => [large] })];
    const request = { members, annotations: {}, references: ['large'] };
    const { digest } = await images.maker.createIndex(bench.context, request);
    const archive = await save(['large'], plain);
    await elsewhere(async (others, other) => {
      await others.load(other.context, stream(archive, 1 << 20), plain);
      await others.collect(other.context);
      await others.tag(other.context, 'large', 'r.example/large');
      const [pushed] = await others.push(other.context, 'r.example/large', anonymous);
      expect(pushed?.digest).toBe(digest);
      await others.remove(other.context, digest, { force: true, prune: true });
      expect(await Array.fromAsync(other.content.list())).toEqual([]);
    });
  });
});
