import { describe, expect, test } from 'bun:test';
import { encodeQuery, escapePath } from './query.ts';

describe('encodeQuery', () => {
  test('sorts keys and writes blanks as Go does', () => {
    expect(encodeQuery({ tail: 'all', changes: ['ENV A=1', "CMD ['x']"], follow: true })).toBe(
      '?changes=ENV+A%3D1&changes=CMD+%5B%27x%27%5D&follow=1&tail=all',
    );
  });

  test('leaves out what says nothing', () => {
    expect(encodeQuery({ a: false, b: undefined, c: null, d: '' })).toBe('');
  });

  test('keeps numbers, also zero', () => {
    expect(encodeQuery({ t: 0 })).toBe('?t=0');
  });

  test('writes filters as JSON with sorted keys', () => {
    expect(decodeURIComponent(encodeQuery({ filters: { b: { y: true, x: true }, a: { z: true } } }))).toBe(
      '?filters={"a":{"z":true},"b":{"x":true,"y":true}}',
    );
  });
});

test('escapePath leaves image names readable', () => {
  expect(escapePath('registry.example:5000/a/b:c@sha256:d')).toBe('registry.example:5000/a/b:c@sha256:d');
  expect(escapePath('a b?c#d')).toBe('a%20b%3Fc%23d');
});
