import { describe, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import type { Image, Images } from '../images/contract.ts';
import { digestOf } from '../oci/digest.ts';
import { hostPlatform } from '../oci/platform.ts';
import { contextPaths } from './context-paths.ts';
import type { ContextPathsRequest } from './contract.ts';

const limits = {
  ...{ cgroupParent: '', memory: 0, memorySwap: 0, cpuShares: 0, cpuPeriod: 0, cpuQuota: 0 },
  ...{ cpusetCpus: '', cpusetMems: '', shmSize: 0, ulimits: [] },
};

/** The images that are here: one that copies something wherever it is used, and one that does not. */
const images: Pick<Images, 'find'> = {
  find(name) {
    if (name !== 'base' && name !== 'onbuild') return undefined;
    const config = name === 'onbuild' ? { OnBuild: ['COPY late /late'] } : {};
    const image: Partial<Image> = {
      id: digestOf(name),
      platform: hostPlatform(),
      config: { architecture: 'amd64', os: 'linux', config, rootfs: { type: 'layers', diff_ids: [] } },
    };
    return image as Image;
  },
};

function pathsOf(
  dockerfile: string,
  more: Partial<ContextPathsRequest> = {},
): Promise<readonly string[] | undefined> {
  return contextPaths(
    background(),
    { images },
    {
      ...{ dockerfile, target: '', args: {}, labels: {}, platforms: [hostPlatform()], pull: false },
      ...{ network: 'default', extraHosts: [], limits, style: 'buildkit', namedContexts: {}, ...more },
    },
  );
}

describe('what a build needs of its context', () => {
  test.each([
    ['FROM base\nRUN true', []],
    ['FROM base\nCOPY a b/c/ ./d /to/\nADD e /', ['a', 'b/c', 'd', 'e']],
    ['FROM base\nCOPY p*.json s[ab]/?? /to/', ['p*.json', 's[ab]/??']],
    ['FROM base\nCOPY --parents x/./y/**/z /to/', ['x/y/**/z']],
    ['FROM base\nADD https://example.com/x a /to/', ['a']],
    ['FROM base\nCOPY <<E a /to/\ntext\nE', ['a']],
    ['FROM base\nRUN --mount=type=bind,source=src,target=/src ls', ['src']],
    [
      'FROM base AS one\nCOPY a /\nFROM base AS two\nCOPY b /\nFROM base\nCOPY --from=one /a /x\nCOPY c /',
      ['a', 'c'],
    ],
    ['FROM onbuild\nCOPY a /', ['a', 'late']],
    ['ARG name=a\nFROM base\nARG name\nCOPY $name /', ['a']],
    ['FROM base\nCOPY /../../a /', ['a']],
  ])('is what %j copies and mounts', async (dockerfile, paths) => {
    expect(await pathsOf(dockerfile)).toEqual(paths);
  });

  test.each([
    ['all of it is copied', 'FROM base\nCOPY . /'],
    ['all of it is mounted', 'FROM base\nRUN --mount=type=bind,target=/src ls'],
    ['a base image is not here', 'FROM elsewhere\nCOPY a /'],
    ['the Dockerfile has a fault', 'FROM base\nCOPI a /'],
    ['a pattern fits in no line', 'FROM base\nCOPY ["a ", "/"]'],
  ])('is everything where %s', async (_, dockerfile) => {
    expect(await pathsOf(dockerfile)).toBeUndefined();
  });

  test('follows arguments, the target and named contexts', async () => {
    const dockerfile = 'FROM base AS one\nARG x=a\nCOPY $x /\nFROM base\nCOPY b /\nCOPY --from=other c /';
    expect(await pathsOf(dockerfile, { target: 'one', args: { x: 'z' } })).toEqual(['z']);
    expect(await pathsOf(dockerfile, { namedContexts: { other: undefined } })).toEqual(['b']);
    expect(await pathsOf(dockerfile, { namedContexts: { other: { image: 'base' } } })).toEqual(['b']);
    expect(await pathsOf(dockerfile)).toBeUndefined();
  });

  test('is everything where base images are to be sought anew', async () => {
    expect(await pathsOf('FROM base\nCOPY a /', { pull: true })).toBeUndefined();
  });
});
