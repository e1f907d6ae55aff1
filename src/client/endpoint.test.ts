import { expect, test } from 'bun:test';
import { parseEndpoint } from './endpoint.ts';

test('parseEndpoint reads sockets and addresses', () => {
  expect(parseEndpoint('unix:///run/x.sock', false)).toEqual({ kind: 'unix', path: '/run/x.sock' });
  expect(parseEndpoint('tcp://box:1234', false)).toEqual({ kind: 'tcp', host: 'box', port: 1234 });
  expect(parseEndpoint('tcp://[::1]:1234', false)).toEqual({ kind: 'tcp', host: '::1', port: 1234 });
});

test('parseEndpoint knows the ports of plain and secured daemons', () => {
  expect(parseEndpoint('tcp://box', false)).toEqual({ kind: 'tcp', host: 'box', port: 2375 });
  expect(parseEndpoint('https://box', true)).toEqual({ kind: 'tcp', host: 'box', port: 2376 });
});

test('parseEndpoint refuses what is no address', () => {
  expect(() => parseEndpoint('ftp://box', false)).toThrow('unable to parse docker host `ftp://box`');
  expect(() => parseEndpoint('tcp://box:port', false)).toThrow('unable to parse docker host');
});
