import { expect, test } from 'bun:test';
import { authConfigOf, hostOfServer, serverOfDomain } from './login.ts';

test('the host of a server is what is left without scheme, user and path', () => {
  const hosts = {
    'registry.example': 'registry.example',
    'registry.example:5000': 'registry.example:5000',
    'registry.example:5000/v2/': 'registry.example:5000',
    'http://registry.example/v1/': 'registry.example',
    'https://registry.example:443': 'registry.example:443',
    'https://ann@registry.example:5000/x': 'registry.example:5000',
    'https://[::1]:5000/': '[::1]:5000',
    '[::1]:5000': '[::1]:5000',
    'https://index.docker.io/v1/': 'index.docker.io',
    'http://': 'http:',
  };
  for (const [server, host] of Object.entries(hosts)) expect(hostOfServer(server)).toBe(host);
});

test('Docker Hub has a key of its own', () => {
  expect(serverOfDomain('docker.io')).toBe('https://index.docker.io/v1/');
  expect(serverOfDomain('localhost:5000')).toBe('localhost:5000');
});

test('what is sent of a login is what is known of it', () => {
  const login = { username: 'ann', password: '', identityToken: 'token' };
  expect(authConfigOf('r', login)).toEqual({ username: 'ann', serveraddress: 'r', identitytoken: 'token' });
  expect(authConfigOf('r', undefined)).toEqual({});
});
