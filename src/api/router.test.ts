import { describe, expect, test } from 'bun:test';
import { routes } from '../wire/routes.ts';
import { Router } from './router.ts';

const router = new Router(routes);

describe('a path finds its route:', () => {
  test.each([
    ['GET', '/containers/json', 'containerList', ''],
    ['GET', '/containers/json/json', 'containerInspect', 'json'],
    ['GET', '/containers/a/attach/ws', 'containerAttachWebsocket', 'a'],
    ['GET', '/images/a/json', 'imageInspect', 'a'],
    ['GET', '/images/host:5000/a/b@sha256:c/json', 'imageInspect', 'host:5000/a/b@sha256:c'],
    ['GET', '/images/a/json/history', 'imageHistory', 'a/json'],
    ['GET', '/images/get', 'imageSaveAll', ''],
    ['GET', '/images/get/get', 'imageSave', 'get'],
    ['POST', '/images/host:5000/a/push/push', 'imagePush', 'host:5000/a/push'],
    ['GET', '/images/mounts', 'imageMountList', ''],
    ['POST', '/images/a/b/mount', 'imageMount', 'a/b'],
    ['DELETE', '/images/a/mount', 'imageRemove', 'a/mount'],
    ['GET', '/images/a/layers/layers', 'imageLayers', 'a/layers'],
    ['HEAD', '/containers/a/archive', 'containerPathStat', 'a'],
    ['DELETE', '/images/a/json', 'imageRemove', 'a/json'],
    ['GET', '/networks', 'networkList', ''],
    ['GET', '/networks/a', 'networkInspect', 'a'],
    ['POST', '/exec/a/start', 'execStart', 'a'],
    ['POST', '/containers/a/exec', 'execCreate', 'a'],
  ])('%s %s', (method, path, name, parameter) => {
    expect(router.find(method, path)).toEqual({ name, parameter, digest: '' } as never);
  });
});

test('a whole digest in a path is told apart from names', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  expect(router.find('DELETE', `/images/${digest}/mount`)).toEqual({
    name: 'imageUnmount',
    parameter: '',
    digest,
  });
  expect(router.find('GET', `/images/host:5000/a/layers/${digest}/changes`)).toEqual({
    name: 'imageLayerChanges',
    parameter: 'host:5000/a',
    digest,
  });
});

test.each([
  ['GET', '/'],
  ['GET', ''],
  ['GET', '/containers'],
  ['GET', '/containers/a'],
  ['GET', '/containers//json'],
  ['POST', '/containers/json'],
  ['get', '/version'],
])('%s %p finds nothing', (method, path) => {
  expect(router.find(method, path)).toBeUndefined();
});
