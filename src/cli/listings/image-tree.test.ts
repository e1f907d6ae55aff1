import { expect, test } from 'bun:test';
import type { ImageManifest, ImageSummary } from '../../wire/image-types.ts';
import { imageTree } from './image-tree.ts';

const id = (digit: string): string => `sha256:${digit.repeat(64)}`;

function summary(change: Partial<ImageSummary>): ImageSummary {
  return {
    ...{ Containers: 0, Created: 0, Id: id('a'), Labels: null, ParentId: '', RepoDigests: [] },
    ...{ RepoTags: [], SharedSize: -1, Size: 0, ...change },
  };
}

function manifest(digit: string, architecture: string, content: number, containers: string[]): ImageManifest {
  const Platform = { os: 'linux', architecture, ...(architecture === 'arm' ? { variant: 'v7' } : {}) };
  return {
    ...{ ID: id(digit), Descriptor: { mediaType: 'a/b', digest: id(digit), size: 1 } },
    ...{ Available: content > 0, Kind: 'image', Size: { Content: content, Total: content * 3 } },
    ImageData: { Platform, Containers: containers, Size: { Unpacked: content * 2 } },
  };
}

test('the tree of images has the platforms of each under its names', () => {
  const attestation = { ...manifest('d', '', 500_000, []), Kind: 'attestation' };
  const images = [
    summary({
      ...{ RepoTags: ['app:1', 'app:latest'], Size: 3_000_000 },
      Manifests: [manifest('b', 'amd64', 1_000_000, ['x']), manifest('c', 'arm', 0, []), attestation],
    }),
    summary({ Size: 5_000, Containers: 1 }),
  ];
  expect(imageTree(images).split('\n')).toEqual([
    'IMAGE             ID             DISK USAGE   CONTENT SIZE   IN USE',
    'app:1',
    'app:latest        aaaaaaaaaaaa          3MB          1.5MB   yes',
    '├─ linux/amd64    bbbbbbbbbbbb          3MB            1MB   yes',
    '└─ linux/arm/v7   cccccccccccc           0B             0B',
    '',
    '<untagged>        aaaaaaaaaaaa          5kB             0B   yes',
    '',
  ]);
});

test('the tree of no images has its headings alone', () => {
  expect(imageTree([])).toBe('IMAGE   ID   DISK USAGE   CONTENT SIZE   IN USE\n');
});
