import { describe, expect, test } from 'bun:test';
import { announceVersion, chooseVersion, compareVersions, differs, negotiateVersion } from './versions.ts';

describe('compareVersions', () => {
  test.each([
    ['1.9', '1.24', -1],
    ['1.44', '1.44', 0],
    ['1.44', '1.44.0', 0],
    ['2', '1.99', 1],
  ])('%s and %s', (left, right, sign) => {
    expect(Math.sign(compareVersions(left, right))).toBe(sign);
  });
});

describe('chooseVersion', () => {
  test.each(['1.24', '1.51'])('%s is served', (version) =>
    expect(chooseVersion(version).version as string).toBe(version),
  );
  test.each(['1.23', '1.12', '0.1', '...', '1'])('%s is too old', (version) => {
    expect(chooseVersion(version).error).toStartWith(`client version ${version} is too old.`);
  });
  test('1.52 is too new', () => {
    expect(chooseVersion('1.52').error).toBe(
      'client version 1.52 is too new. Maximum supported API version is 1.51',
    );
  });
});

describe('negotiateVersion', () => {
  test.each([
    ['1.41', '1.41'],
    ['1.99', '1.51'],
    [undefined, '1.24'],
    ['odd', '1.24'],
  ])('a daemon of %p is spoken to in %s', (daemon, expected) => {
    expect(negotiateVersion(daemon) as string).toBe(expected);
  });
});

test('a difference holds from its first to its last version', () => {
  expect(differs('1.43', 'imageVirtualSize')).toBe(true);
  expect(differs('1.44', 'imageVirtualSize')).toBe(false);
  expect(differs('1.41', 'multiplexedContentType')).toBe(false);
  expect(differs('1.42', 'multiplexedContentType')).toBe(true);
});

describe('announceVersion', () => {
  test.each([
    ['docker-compose/1.29.2 docker-py/5.0.3 Linux/6.1', '1.44'],
    ['docker-compose/2.40.3 (linux)', '1.51'],
    ['Docker-Client/28.2.2 (linux)', '1.51'],
    [undefined, '1.51'],
  ])('to %s is %s', (userAgent, version) => {
    expect(announceVersion(userAgent) as string).toBe(version);
  });
});
