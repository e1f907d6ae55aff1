import { describe, expect, test } from 'bun:test';
import type { Container, ContainerStatus } from '../../containers/contract.ts';
import type { Filters } from '../../wire/query.ts';
import { createFakeEngine } from '../testing/fake-engine.ts';
import { container, image, imageId } from '../testing/samples.ts';
import { type ListQuery, selectContainers } from './containers.ts';

const childImage = `sha256:${'9'.repeat(64)}` as const;

function named(
  name: string,
  age: number,
  status: ContainerStatus,
  changes: Partial<Container> = {},
): Container {
  const base = container();
  return {
    ...base,
    id: name.padEnd(64, '0'),
    name,
    createdNano: BigInt(1000 - age),
    state: { ...base.state, status, exitCode: status === 'exited' ? 3 : 0 },
    ...changes,
  };
}

const engine = createFakeEngine();
engine.stored.images = [image(), image({ id: childImage, tags: ['child:latest'], parent: imageId })];
engine.stored.containers = [
  named('oldest', 30, 'running'),
  named('newest', 0, 'paused', {
    imageId: childImage,
    mounts: [
      {
        type: 'volume',
        name: 'data',
        source: '/x',
        destination: '/srv',
        driver: 'local',
        mode: '',
        writable: true,
        propagation: '',
      },
    ],
  }),
  named('stopped', 20, 'exited', {
    networks: {},
    config: { ...container().config, Labels: { tier: 'back' } },
  }),
  named('created', 10, 'created', { networks: {} }),
];

function names(filters: Filters, query: Partial<ListQuery> = {}): string[] {
  const full = { all: false, limit: undefined, since: '', before: '', ...query, filters };
  return selectContainers(engine, full).map(({ name }) => name);
}

describe('a list of containers', () => {
  test('has the running ones, newest first', () => expect(names({})).toEqual(['newest', 'oldest']));

  test('has all when asked, and with a limit the newest of all', () => {
    expect(names({}, { all: true })).toEqual(['newest', 'created', 'stopped', 'oldest']);
    expect(names({}, { limit: 2 })).toEqual(['newest', 'created']);
    expect(names({}, { limit: -1 })).toEqual(['newest', 'oldest']);
  });

  test.each<[Filters, string[]]>([
    [{ status: ['exited'] }, ['stopped']],
    [{ status: ['exited', 'running'] }, ['stopped', 'oldest']],
    [{ exited: ['3'] }, []],
    [{ name: ['st'] }, ['newest', 'oldest']],
    [{ name: ['^/old'] }, ['oldest']],
    [{ id: ['new'] }, ['newest']],
    [{ label: ['tier=front'] }, ['newest', 'oldest']],
    [{ ancestor: ['busybox'] }, ['newest', 'oldest']],
    [{ ancestor: ['child'] }, ['newest']],
    [{ ancestor: ['none'] }, []],
    [{ volume: ['data'] }, ['newest']],
    [{ volume: ['/srv'] }, ['newest']],
    [{ network: ['bridge'] }, ['newest', 'oldest']],
    [{ network: ['2222'] }, ['newest', 'oldest']],
    [{ network: ['other'] }, []],
    [{ publish: ['8080'] }, ['newest', 'oldest']],
    [{ publish: ['80'] }, []],
    [{ publish: ['90/udp'] }, []],
    [{ expose: ['85-95/udp'] }, ['newest', 'oldest']],
    [{ 'is-task': ['true'] }, []],
    [{ 'is-task': ['false'] }, ['newest', 'oldest']],
    [{ health: ['none'] }, ['newest', 'oldest']],
    [{ health: ['healthy'] }, []],
    [{ before: ['newest'] }, ['oldest']],
    [{ since: ['oldest'] }, ['newest']],
  ])('filtered by %j', (filters, expected) => expect(names(filters)).toEqual(expected));

  test('of all, those between two', () => {
    expect(names({ before: ['newest'], since: ['oldest'] }, { all: true })).toEqual(['created', 'stopped']);
    expect(names({}, { all: true, before: 'stopped' })).toEqual(['oldest']);
    expect(names({ exited: ['3', '4'] }, { all: true })).toEqual(['stopped']);
  });

  test.each<[Filters, string]>([
    [{ status: ['odd'] }, "invalid filter 'status=odd'"],
    [{ exited: ['x'] }, "invalid filter 'exited=x'"],
    [{ health: ['fine'] }, "invalid filter 'health=fine'"],
    [{ publish: ['99999'] }, "invalid filter 'publish=99999'"],
    [{ before: ['none'] }, 'No such container: none'],
  ])('filtered by %j is refused', (filters, message) => expect(() => names(filters)).toThrow(message));
});
