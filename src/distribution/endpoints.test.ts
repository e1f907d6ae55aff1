import { describe, expect, test } from 'bun:test';
import { endpointsOf, isInsecure, refuseAstray } from './endpoints.ts';

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

describe('refuseAstray', () => {
  const settings = { ...none, insecureRegistries: ['plain.example'] };
  test.each([
    ['https://a', 'https://b', ''],
    ['http://a', 'http://b', ''],
    ['https://a', 'http://plain.example', ''],
    ['https://a', 'http://b', 'a leads to b without TLS'],
    ['https://127.0.0.1:1', 'http://b', '127.0.0.1:1 leads to b without TLS'],
    ['http://127.0.0.1:1', 'http://127.0.0.1:2', ''],
    ['https://localhost', 'http://[::1]:2', ''],
    ['http://plain.example', 'http://localhost', ''],
    ['http://a', 'http://127.8.8.8:2', 'a leads to 127.8.8.8:2, which is this machine'],
    ['https://a', 'https://localhost', 'a leads to localhost, which is this machine'],
    ['https://a', 'http://0.0.0.0', 'a leads to 0.0.0.0, which is this machine'],
    ['https://a', 'https://[::]', 'a leads to [::], which is this machine'],
  ])('%s to %s: %p', (from, to, message) => {
    const refusing = () => refuseAstray(new URL(from), new URL(to), settings);
    if (message === '') expect(refusing).not.toThrow();
    else expect(refusing).toThrow(message);
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
