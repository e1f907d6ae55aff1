import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { flag, integer, text, texts } from '../wire/query.ts';
import { parseQuery, parseTarget } from './target.ts';

describe('parseTarget', () => {
  test.each([
    ['/version', '1.51', '/version', ''],
    ['/v1.24/a?b=c?d', '1.24', '/a', 'b=c?d'],
    ['/networks/', '1.51', '/networks', ''],
    ['/images/a%2Fb%3Ac/json', '1.51', '/images/a/b:c/json', ''],
    ['/volumes/v1.30', '1.51', '/volumes/v1.30', ''],
  ])('%s', (target, version, path, query) => {
    expect(parseTarget(target) as object).toEqual({ version, path, query });
  });

  test.each(['/a%', '/a%zz', '/%ff', '/a%00b', '/v1.99/x', '/v1.2.3.4/x'])('%s is refused', (target) => {
    expect(() => parseTarget(target)).toThrow();
  });
});

describe('parseQuery', () => {
  const parameters = { on: flag(true), count: integer, name: text('none'), all: texts };

  test('gives absent parameters their defaults, and ignores unknown ones', () => {
    const expected = { on: true, count: undefined, name: 'none', all: [] };
    expect(parseQuery('', parameters)).toEqual(expected);
    expect(parseQuery('other=1&__proto__=2&toString=3', parameters)).toEqual(expected);
  });

  test('decodes escapes and plus signs, and keeps repeated values in order', () => {
    expect(parseQuery('name=a+b%2Bc&all=1&all=2&on', parameters)).toEqual({
      on: false,
      count: undefined,
      name: 'a b+c',
      all: ['1', '2'],
    });
  });

  test.each(['count=x', 'name=%ff', 'name=%00', 'all=%'])('%s is refused', (query) => {
    expect(() => parseQuery(query, parameters)).toThrow();
  });

  test('reads what URLSearchParams writes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (values) => {
        fc.pre(values.every((value) => !value.includes('\0')));
        const query = new URLSearchParams(values.map((value): [string, string] => ['all', value])).toString();
        expect(parseQuery(query, parameters)['all']).toEqual(values);
      }),
    );
  });
});
