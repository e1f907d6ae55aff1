import { notFound } from '../../base/errors.ts';
import type { Container, Containers, PathStat } from '../../containers/contract.ts';
import type { FakeState } from './fake-engine.ts';
import { parts } from './fake-streams.ts';
import { imageId } from './samples.ts';

type ContainerFiles = Pick<
  Containers,
  'statPath' | 'readPath' | 'writePath' | 'export' | 'changes' | 'commit'
>;

/** Files of which only paths matter, "missing" and "broken" as elsewhere. */
export function fakeContainerFiles(state: FakeState, find: (reference: string) => Container): ContainerFiles {
  const { calls } = state;
  const statOf = (reference: string, path: string): PathStat => {
    find(reference);
    if (path.includes('missing')) {
      throw notFound(`Could not find the file ${path} in container ${reference}`);
    }
    return { name: 'ü', size: 4096, mode: 2 ** 31 + 0o755, mtime: new Date(0), linkTarget: '' };
  };
  return {
    statPath: async (_context, reference, path) => statOf(reference, path),
    async readPath(_context, reference, path) {
      return { stat: statOf(reference, path), tar: parts(path, new Error('unreachable')) };
    },
    async writePath(_context, reference, path, tar, options) {
      statOf(reference, path);
      calls.push(['writePath', reference, path, options]);
      for await (const part of tar) state.uploaded += part.length;
    },
    async export(_context, reference) {
      find(reference);
      return parts(reference, new Error('unreachable'));
    },
    async changes(_context, reference) {
      if (find(reference).name !== 'web') return [];
      return [
        { path: '/etc', kind: 'modified' },
        { path: '/etc/new', kind: 'added' },
        { path: '/old', kind: 'deleted' },
      ];
    },
    async commit(_context, reference, options) {
      find(reference);
      calls.push(['commit', reference, options]);
      return imageId;
    },
  };
}
