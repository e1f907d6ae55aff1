import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { familiarText, parseReference, withDefaultTag } from './reference.ts';

describe('parseReference', () => {
  test.each([
    ['busybox', 'docker.io', 'library/busybox', undefined],
    ['team/web:1', 'docker.io', 'team/web', '1'],
    ['localhost/x', 'localhost', 'x', undefined],
    ['box:5000/a/b:c', 'box:5000', 'a/b', 'c'],
    ['index.docker.io/library/x', 'docker.io', 'library/x', undefined],
    ['[::1]:5000/x', '[::1]:5000', 'x', undefined],
  ])('%s', (text, domain, path, tag) => {
    expect(parseReference(text)).toEqual({ domain, path, tag, digest: undefined });
  });

  test.each([
    '',
    'Upper',
    'a//b',
    'a:b:c',
    'a@b',
    '-a',
    'a..b',
    'a b',
    `x:${'t'.repeat(129)}`,
    'f'.repeat(64),
  ])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(/^invalid re/);
  });

  test('a familiar name means the same image', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 3 }), word, (path, tag) => {
        const reference = parseReference(`${path.join('/')}:${tag}`);
        expect(parseReference(familiarText(reference))).toEqual(reference);
      }),
    );
  });
});

test('withDefaultTag adds latest where nothing else says which image', () => {
  expect(withDefaultTag(parseReference('x')).tag).toBe('latest');
  expect(withDefaultTag(parseReference('x:1')).tag).toBe('1');
  expect(withDefaultTag(parseReference(`x@sha256:${'a'.repeat(64)}`)).tag).toBeUndefined();
});
