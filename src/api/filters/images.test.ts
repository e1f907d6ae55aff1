import { describe, expect, test } from 'bun:test';
import type { Filters } from '../../wire/query.ts';
import { createFakeEngine } from '../testing/fake-engine.ts';
import { image, imageId } from '../testing/samples.ts';
import { selectImages } from './images.ts';

const engine = createFakeEngine();
const digest = (digit: string) => `sha256:${digit.repeat(64)}` as const;
engine.stored.images = [
  image(),
  image({ id: digest('5'), tags: [], created: new Date('2026-01-02') }),
  image({ id: digest('6'), tags: ['host:5000/a/b:1'], created: new Date('2026-01-03'), parent: digest('5') }),
  image({ id: digest('7'), tags: [], created: new Date('2026-01-04') }),
];

function ids(filters: Filters, all = false): string {
  return selectImages(engine, filters, all, new Date('2026-01-05'))
    .map(({ id }) => id.charAt(7))
    .join('');
}

describe('a list of images', () => {
  test('is newest first, without nameless steps that others were built on', () => {
    expect(ids({})).toBe('761');
    expect(ids({}, true)).toBe('7651');
  });

  test.each<[Filters, string]>([
    [{ dangling: ['true'] }, '7'],
    [{ dangling: ['0'] }, '61'],
    [{ reference: ['busybox'] }, '1'],
    [{ reference: ['busy*:latest'] }, '1'],
    [{ reference: ['host:5000/*/b'] }, '6'],
    [{ reference: ['host:5000/*'] }, ''],
    [{ label: ['maker=us'] }, '761'],
    [{ label: ['maker=them'] }, ''],
    [{ before: ['busybox'] }, ''],
    [{ since: ['busybox'] }, '76'],
    [{ since: [imageId], before: [digest('7')] }, '6'],
    [{ until: ['48h'] }, '61'],
  ])('filtered by %j', (filters, expected) => expect(ids(filters)).toBe(expected));
});
