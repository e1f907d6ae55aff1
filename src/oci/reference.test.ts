import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  familiarReference,
  formatReference,
  isImageId,
  parseReference,
  withDefaultTag,
} from './reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('parseReference', () => {
  test.each([
    ['busybox', 'docker.io/library/busybox', 'busybox'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
    ['library/a/b', 'docker.io/library/a/b', 'library/a/b'],
    ['library/busybox', 'docker.io/library/busybox', 'busybox'],
    ['index.docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
    ['docker.io/me/app:v1', 'docker.io/me/app:v1', 'me/app:v1'],
    ['localhost/a/b', 'localhost/a/b', 'localhost/a/b'],
    ['host:5000/a/b:c', 'host:5000/a/b:c', 'host:5000/a/b:c'],
    ['[::1]:5000/a', '[::1]:5000/a', '[::1]:5000/a'],
    [`a@${digest}`, `docker.io/library/a@${digest}`, `a@${digest}`],
    [`a:t@${digest}`, `docker.io/library/a:t@${digest}`, `a:t@${digest}`],
  ])('%s is normalised', (text, full, familiar) => {
    const reference = parseReference(text);
    expect(formatReference(reference)).toBe(full);
    expect(familiarReference(reference)).toBe(familiar);
  });

  test.each([
    '',
    ':',
    'a:',
    '-a',
    'a//b',
    'a:b c',
    'a@sha256:zz',
    'a/../b',
    '/a',
    'a..b',
    'a:-b',
    `a:${'t'.repeat(129)}`,
  ])('%p is refused', (text) => expect(() => parseReference(text)).toThrow('invalid reference format'));

  test('upper case in the repository says so', () => {
    expect(() => parseReference('BusyBox')).toThrow('repository name (library/BusyBox) must be lowercase');
  });

  test('64 hex digits are an ID, not a name', () => {
    expect(() => parseReference('a'.repeat(64))).toThrow('cannot specify 64-byte hexadecimal strings');
  });

  test('the familiar form of whatever parses, parses to the same', () => {
    const name = fc.stringMatching(
      /^[a-z0-9]{1,8}([_-][a-z0-9]{1,8}){0,2}(\/[a-z0-9]{1,8}){0,3}(:[a-z0-9]{1,6})?$/,
    );
    fc.assert(
      fc.property(name, (text) => {
        const once = parseReference(text);
        expect(formatReference(parseReference(familiarReference(once)))).toBe(formatReference(once));
      }),
    );
  });
});

test('isImageId tells IDs from names', () => {
  expect(['a'.repeat(64), digest].every(isImageId)).toBe(true);
  expect(['a', 'busybox:1', `a@${digest}`, 'A'.repeat(64)].some(isImageId)).toBe(false);
});

test('withDefaultTag adds latest only where nothing is said', () => {
  expect(formatReference(withDefaultTag(parseReference('a')))).toBe('docker.io/library/a:latest');
  expect(withDefaultTag(parseReference(`a@${digest}`)).tag).toBeUndefined();
});
