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
    ['DELETE', '/images/a/json', 'imageRemove', 'a/json'],
    ['GET', '/networks', 'networkList', ''],
    ['GET', '/networks/a', 'networkInspect', 'a'],
    ['POST', '/exec/a/start', 'execStart', 'a'],
    ['POST', '/containers/a/exec', 'execCreate', 'a'],
  ])('%s %s', (method, path, name, parameter) => {
    expect(router.find(method, path)).toEqual({ name, parameter } as never);
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
