import { describe, expect, test } from 'bun:test';
import { readTar } from '../../oci/tar/archive.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import { type ArchiveChanges, changedArchive } from './image-archive.ts';

const unchanged: ArchiveChanges = { format: 'docker', names: [], annotations: {}, others: [] };
const entry = { mediaType: 'm', digest: 'sha256:a', size: 1, annotations: { kept: '1' } };
const documents = {
  'blobs/sha256/aa': 'layer',
  'index.json': JSON.stringify({ schemaVersion: 2, manifests: [entry] }),
  'manifest.json': JSON.stringify([{ Config: 'c', RepoTags: null, Layers: [] }]),
  'oci-layout': '{}',
  repositories: '{"a":{}}',
};

async function* archive(): AsyncGenerator<Uint8Array> {
  for (const [name, text] of Object.entries(documents)) {
    yield formatTarHeader({ type: 'file', name, mode: 0o644, size: text.length });
    yield Buffer.from(text);
    yield tarPadding(text.length);
  }
  yield tarEnd;
}

async function changed(changes: Partial<ArchiveChanges>): Promise<Record<string, string>> {
  const members: Record<string, string> = {};
  for await (const member of readTar(changedArchive(archive(), { ...unchanged, ...changes }))) {
    members[member.entry.name] = await member.text(1 << 20);
  }
  return members;
}

describe('an archive of an image', () => {
  test('stays as it is where nothing is to change', async () => {
    expect(await changed({})).toEqual(documents);
  });

  test('of an OCI layout has nothing of Docker', async () => {
    expect(Object.keys(await changed({ format: 'oci' }))).toEqual([
      ...['blobs/sha256/aa', 'index.json', 'oci-layout'],
    ]);
  });

  test('gets names and annotations for itself', async () => {
    const members = await changed({ names: ['a', 'example.org/b:2'], annotations: { x: 'y' } });
    const { manifests } = JSON.parse(members['index.json'] ?? '');
    expect(manifests).toEqual(
      [
        ['docker.io/library/a:latest', 'latest'],
        ['example.org/b:2', '2'],
      ].map(([name, tag]) => ({
        ...entry,
        annotations: {
          ...{ kept: '1', 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tag },
          x: 'y',
        },
      })),
    );
    expect(JSON.parse(members['manifest.json'] ?? '')[0].RepoTags).toEqual(['a:latest', 'example.org/b:2']);
    // It would name another image.
    expect(members['repositories']).toBeUndefined();
  });

  test('leaves a layout the images that have other names', async () => {
    const named = (tag: string, digest: string) => ({
      digest,
      annotations: { 'org.opencontainers.image.ref.name': tag },
    });
    const others = [named('1', 'sha256:1'), named('2', 'sha256:2'), { digest: 'sha256:a' }];
    const members = await changed({ names: ['a:2'], others });
    const { manifests } = JSON.parse(members['index.json'] ?? '');
    expect(manifests.map(({ digest }: { digest: string }) => digest)).toEqual([
      ...['sha256:1', 'sha256:a', 'sha256:a'],
    ]);
  });
});
