import { describe, expect, test } from 'bun:test';
import { parseCopySide } from './argument.ts';
import {
  absolutePath,
  assertsDirectory,
  baseName,
  followed,
  keepEnding,
  linkDestination,
  splitPath,
} from './paths.ts';
import { renamer } from './rename.ts';

describe('a side of a copy is', () => {
  test.each([
    ['web:/etc', 'web', '/etc'],
    ['web:etc', 'web', 'etc'],
    ['web:', 'web', ''],
    ['web:/a:b', 'web', '/a:b'],
    ['/a:b', '', '/a:b'],
    ['./a:b', '', './a:b'],
    ['../a:b', '', '../a:b'],
    ['.hidden:b', '', '.hidden:b'],
    [':/x', '', '/x'],
    ['file', '', 'file'],
    ['-', '', '-'],
  ])('%s', (text, container, path) => {
    expect(parseCopySide(text)).toEqual({ container, path });
  });
});

describe('a path splits into directory and entry:', () => {
  test.each([
    ['/a/b', '/a', 'b'],
    ['/a/b/', '/a', 'b'],
    ['/a/b/.', '/a/b', '.'],
    ['/a', '/', 'a'],
    ['/', '/', '/'],
    ['/.', '/', '.'],
    ['a', '.', 'a'],
    ['.', '.', '.'],
    ['', '.', '.'],
    ['a/../b', '.', 'b'],
    ['/a//b/', '/a', 'b'],
  ])('%s', (path, directory, base) => {
    expect(splitPath(path)).toEqual({ directory, base });
  });
});

test('the end of a path, which says what is meant, is kept', () => {
  expect(keepEnding('/x/a', 'a')).toBe('/x/a');
  expect(keepEnding('/x/a', 'a/')).toBe('/x/a/');
  expect(keepEnding('/x/a', 'a/.')).toBe('/x/a/.');
  expect(keepEnding('/', '/.')).toBe('/.');
  expect(keepEnding('/', '/')).toBe('/');
  expect(absolutePath('/a/b/../c/.')).toBe('/a/c/.');
  expect(absolutePath('x/')).toBe(`${process.cwd()}/x/`);
});

test('a slash or a dot at the end asserts a directory', () => {
  expect(['a/', 'a/.', '.', '/'].map(assertsDirectory)).toEqual([true, true, true, true]);
  expect(['a', '/a', 'a.', '/a/..'].map(assertsDirectory)).toEqual([false, false, false, false]);
});

test('the last component of a path', () => {
  expect(['/a/b', 'b/', '/', '', 'x/.'].map(baseName)).toEqual(['b', 'b', '/', '.', '.']);
});

test("a link leads below its own directory, or from the root; its copy has the link's name", () => {
  expect(linkDestination('/a/link', '../b')).toBe('/b');
  expect(linkDestination('/a/link', '/b')).toBe('/b');
  expect(followed('/a/link', '/b')).toEqual({ path: '/b', rename: 'link' });
  expect(followed('/a/link/', '/b')).toEqual({ path: '/b/', rename: 'link' });
  expect(followed('/a/link/.', '/b')).toEqual({ path: '/b/.', rename: '' });
  expect(followed('/a/same', '/b/same')).toEqual({ path: '/b/same', rename: '' });
});

describe('members are renamed by their first component:', () => {
  test.each([
    ['dir', 'new', 'dir', 'new'],
    ['dir', 'new', 'dir/', 'new/'],
    ['dir', 'new', 'dir/dir/x', 'new/dir/x'],
    ['dir', 'new', 'directory/x', 'directory/x'],
    ['dir', 'new', 'other/dir', 'other/dir'],
    ['.', 'new', './', 'new/'],
    ['.', 'new', './a', 'new/a'],
    ['.', 'new', '.hidden', '.hidden'],
    ['/', 'new', '/', 'new/'],
    ['/', 'new', '/etc/', 'new/etc/'],
    ['/', 'new', './', 'new/'],
    ['/', 'new', './etc/x', 'new/etc/x'],
    ['/', 'new', 'etc/x', 'new/etc/x'],
  ])('%s to %s: %s', (from, to, name, renamed) => {
    expect(renamer({ from, to })(name)).toBe(renamed);
  });

  test('without a new name all stay', () => {
    expect(renamer(undefined)('dir/a')).toBe('dir/a');
  });
});
