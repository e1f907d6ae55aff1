import { describe, expect, test } from 'bun:test';
import type { ContainerSummary } from '../../wire/container-types.ts';
import type { DiskUsage } from '../../wire/disk-usage-types.ts';
import type { ImageSummary } from '../../wire/image-types.ts';
import type { Volume } from '../../wire/volume-types.ts';
import { renderListing } from '../format/listing.ts';
import { kindFormat, kindListing, kindRows } from './kinds.ts';

const image = (Containers: number, Size: number, SharedSize: number) =>
  ({ Containers, Size, SharedSize }) as ImageSummary;
const container = (State: string, SizeRw: number) => ({ State, SizeRw }) as ContainerSummary;
const volume = (RefCount: number, Size: number) => ({ UsageData: { RefCount, Size } }) as Volume;

describe('what could be freed of', () => {
  const reclaimable = (usage: DiskUsage, index: number) => kindRows(usage)[index]?.reclaimable;

  test('images is all but what used ones have for themselves: partial downloads count', () => {
    const Images = [image(1, 300, 100), image(0, 400, 100)];
    expect(reclaimable({ LayersSize: 1000, Images }, 0)).toBe('800B (80%)');
  });

  test('images whose sizes are not known is all', () => {
    expect(reclaimable({ LayersSize: 1000, Images: [image(1, -1, -1)] }, 0)).toBe('1kB (100%)');
  });

  test('containers is what those have written that do not run', () => {
    const Containers = [container('running', 10), container('paused', 20), container('exited', 10)];
    expect(reclaimable({ Containers }, 1)).toBe('10B (25%)');
  });

  test('volumes is what those hold that no container uses; unknown sizes count as nothing', () => {
    expect(reclaimable({ Volumes: [volume(1, 3), volume(0, 1), volume(0, -1)] }, 2)).toBe('1B (25%)');
  });

  test('nothing is nothing, without a share', () => {
    expect(kindRows({}).map((row) => row.reclaimable)).toEqual(['0B', '0B', '0B', '0B']);
  });
});

test('kinds are told in a table with counts', async () => {
  const rows = kindRows({ Containers: [container('running', 2000), container('created', 0)] });
  const text = await renderListing(kindListing, rows, kindFormat(''));
  expect(text.split('\n').slice(0, 3)).toEqual([
    'TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE',
    'Images          0         0         0B        0B',
    'Containers      2         1         2kB       0B (0%)',
  ]);
});
