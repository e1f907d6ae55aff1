import { describe, expect, test } from 'bun:test';
import { hostPlatform } from '../../oci/platform.ts';
import { checkFrontend, frontendOptions, frontendSources } from './frontend-options.ts';

describe('options of the front end', () => {
  test('are those of a plain build where nothing is said', () => {
    expect(frontendOptions({})).toMatchObject({
      ...{ target: '', args: {}, labels: {}, platforms: [hostPlatform()], noCache: false, pull: false },
      ...{
        network: '',
        extraHosts: [],
        sourceDate: undefined,
        limits: { memory: 0, shmSize: 0, ulimits: [] },
      },
    });
  });

  test('are all understood', () => {
    const options = frontendOptions({
      ...{ target: 't', 'build-arg:A': '1', 'build-arg:SOURCE_DATE_EPOCH': '5', 'label:l': 'm' },
      ...{ platform: 'linux/arm64,linux/amd64', 'no-cache': 'one,two', 'image-resolve-mode': 'pull' },
      ...{ 'force-network-mode': 'host', 'add-hosts': 'a=1.2.3.4,b=::1', 'shm-size': '64' },
      ...{ ulimit: 'nofile=1:2,core=3', 'cgroup-parent': '/p' },
    });
    expect(options).toMatchObject({
      ...{ target: 't', args: { A: '1' }, labels: { l: 'm' }, noCache: ['one', 'two'], pull: true },
      ...{ network: 'host', extraHosts: ['a:1.2.3.4', 'b:::1'], sourceDate: 5 },
      platforms: [{ architecture: 'arm64' }, { architecture: 'amd64' }],
      limits: {
        ...{ shmSize: 64, cgroupParent: '/p' },
        ulimits: [
          { name: 'nofile', soft: 1, hard: 2 },
          { name: 'core', soft: 3, hard: 3 },
        ],
      },
    });
    expect(frontendOptions({ 'no-cache': '' }).noCache).toBe(true);
  });

  test.each([
    [{ 'force-network-mode': 'container:x' }, 'invalid network mode "container:x"'],
    [{ ulimit: 'nofile' }, 'invalid ulimit "nofile"'],
    [{ 'shm-size': 'much' }, 'invalid shm-size: "much"'],
    [{ 'build-arg:SOURCE_DATE_EPOCH': 'now' }, 'invalid SOURCE_DATE_EPOCH: now'],
  ])('refuse %j', (attributes, message) => {
    expect(() => frontendOptions(attributes)).toThrow(message);
  });
});

describe('sources of the front end', () => {
  test("are the client's directories unless a URL is given", () => {
    const local = {
      filename: 'Dockerfile',
      remote: undefined,
      contextName: 'context',
      dockerfileName: 'dockerfile',
    };
    expect(frontendSources({})).toEqual({ ...local, named: {} });
    expect(frontendSources({ contextkey: 'a', dockerfilekey: 'b', 'context:n': 'local:n' })).toEqual({
      ...local,
      ...{ contextName: 'a', dockerfileName: 'b', named: { n: 'local:n' } },
    });
    expect(frontendSources({ context: 'https://h/r.git' }).remote).toBe('https://h/r.git');
    expect(frontendSources({ 'input:context': 'git@h:r.git' }).remote).toBe('git@h:r.git');
  });
});

describe('the front end', () => {
  test('may be the one of Dockerfiles, under any of its names', () => {
    checkFrontend('dockerfile.v0', {});
    checkFrontend('gateway.v0', { source: 'docker.io/docker/dockerfile:1' });
    expect(() => checkFrontend('gateway.v0', { source: 'evil/docker/dockerfile2' })).toThrow(
      'is not supported',
    );
    expect(() => checkFrontend('other', {})).toThrow('only docker/dockerfile is');
  });
});
