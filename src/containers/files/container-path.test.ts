import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { isWithin, parseContainerPath } from './container-path.ts';
import { goFileMode } from './file-mode.ts';

test.each([
  ['/', '/', true, '/'],
  ['.', '/', true, '.'],
  ['/.', '/', true, '.'],
  ['etc', '/etc', false, 'etc'],
  ['/etc/', '/etc', true, 'etc'],
  ['/etc/.', '/etc', true, '.'],
  ['/etc/..', '/', false, '/'],
  ['/../../etc', '/etc', false, 'etc'],
  ['//etc//passwd', '/etc/passwd', false, 'passwd'],
  ['/a/b/../c/', '/a/c', true, 'c'],
  ['/…', '/\xe2\x80\xa6', false, '\xe2\x80\xa6'],
])('the path %p is understood as dockerd does', (text, path, demandsDirectory, name) => {
  expect(parseContainerPath(text)).toEqual({ path, demandsDirectory, name });
});

test('a path that is empty or has a null byte is refused', () => {
  for (const text of ['', '/etc\0/passwd']) {
    expect(() => parseContainerPath(text)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  }
});

test('every path is absolute and clean', () => {
  const part = fc.constantFrom('..', '.', '', 'a', 'b c', '\n');
  fc.assert(
    fc.property(fc.array(part, { minLength: 1 }), (parts) => {
      const text = parts.join('/');
      fc.pre(text !== '');
      const components = parseContainerPath(text).path.slice(1).split('/');
      expect(components.some((name) => name === '..' || name === '.')).toBe(false);
      expect(isWithin(parseContainerPath(text).path, '/')).toBe(true);
    }),
  );
});

test('a path is within itself and what it lies below, not within what it merely begins like', () => {
  expect(isWithin('/a', '/a')).toBe(true);
  expect(isWithin('/a/b', '/a')).toBe(true);
  expect(isWithin('/ab', '/a')).toBe(false);
});

test.each([
  ['directory', 0o755, 2147484141],
  ['directory', 0o1777, 2148532735],
  ['symlink', 0o777, 134218239],
  ['file', 0o4755, 8389101],
  ['file', 0o2711, 4194761],
  ['character', 0o666, 69206454],
  ['block', 0o660, 67109296],
  ['fifo', 0o644, 33554852],
  ['socket', 0o755, 16777709],
] as const)("a %s of mode %o has Go's mode", (type, mode, expected) => {
  expect(goFileMode({ type, mode })).toBe(expected);
});
