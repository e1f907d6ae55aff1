import { describe, expect, test } from 'bun:test';
import { endpointsOf, isInsecure } from './endpoints.ts';

const none = { registryMirrors: [], insecureRegistries: [] };

describe('endpointsOf', () => {
  test('Docker Hub asks mirrors first', () => {
    const settings = { ...none, registryMirrors: ['http://mirror.example:5000', 'https://second.example/'] };
    expect(endpointsOf('docker.io', settings).map(({ url, isMirror }) => [url.href, isMirror])).toEqual([
      ['http://mirror.example:5000/', true],
      ['https://second.example/', true],
      ['https://registry-1.docker.io/', false],
    ]);
  });

  test('other registries have no mirrors, and HTTP only where that is allowed', () => {
    const settings = {
      registryMirrors: ['http://mirror.example'],
      insecureRegistries: ['plain.example:5000'],
    };
    const urls = (domain: string) => endpointsOf(domain, settings).map(({ url }) => url.href);
    expect(urls('registry.example')).toEqual(['https://registry.example/']);
    expect(urls('plain.example:5000')).toEqual(['https://plain.example:5000/', 'http://plain.example:5000/']);
  });
});

describe('isInsecure', () => {
  const settings = {
    ...none,
    insecureRegistries: ['one.example', 'two.example:81', '10.1.0.0/16', 'fd00::/8', '/', 'x/y'],
  };
  test.each([
    ['localhost', true],
    ['localhost:5000', true],
    ['127.8.9.1:5000', true],
    ['[::1]:5000', true],
    ['one.example:99', true],
    ['two.example:81', true],
    ['two.example', false],
    ['10.1.255.1', true],
    ['10.2.0.1', false],
    ['[fd00::1]', true],
    ['localhost.example', false],
    ['registry-1.docker.io', false],
  ])('%s: %p', (host, expected) => {
    expect(isInsecure(host, settings)).toBe(expected);
  });
});
