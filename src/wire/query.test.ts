import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { decodeFilters, filters, flag, integer, unsigned } from './query.ts';

describe('flag', () => {
  test.each(['', '0', 'no', 'false', 'none', 'FALSE', ' none '])('%p is false', (text) => {
    expect(flag().decode([text])).toBe(false);
  });
  test.each(['1', 'true', 'yes', 'on', '2', 'anything'])('%p is true', (text) => {
    expect(flag().decode([text])).toBe(true);
  });
});

describe('integer', () => {
  test.each([
    ['5', 5],
    ['-1', -1],
    ['+7', 7],
    ['', undefined],
  ])('%p is %p', (text, value) => expect(integer.decode([text])).toBe(value));

  test.each(['x', '1.5', '1e3', '0x10', ' 1', '--1'])('%p is refused', (text) => {
    expect(() => integer.decode([text])).toThrow(
      `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  });

  test('a number beyond 64 bits is refused', () => {
    expect(() => integer.decode(['9223372036854775808'])).toThrow('value out of range');
  });
});

test('unsigned refuses signs and more than 32 bits', () => {
  expect(unsigned.decode(['80'])).toBe(80);
  expect(() => unsigned.decode(['-1'])).toThrow('invalid syntax');
  expect(() => unsigned.decode(['4294967296'])).toThrow('value out of range');
});

describe('filters', () => {
  test.each([
    ['', {}],
    ['{}', {}],
    ['null', {}],
    ['{"label":{"a=b":true,"c":true}}', { label: ['a=b', 'c'] }],
    ['{"label":["a=b"]}', { label: ['a=b'] }],
    ['{"label":{"a":false}}', { label: [] }],
    ['{"label":null}', { label: [] }],
  ])('%s', (text, expected) => expect(decodeFilters(text)).toEqual(expected));

  test.each(['{', '[]', '5', '"a"', '{"a":5}', '{"a":[5]}', '{"a":{"b":"c"}}'])('%s is refused', (text) => {
    expect(() => decodeFilters(text)).toThrow('invalid filter');
  });

  test('a name that the route does not know is refused by name', () => {
    expect(() => filters('label').decode(['{"lable":["a"]}'])).toThrow("invalid filter 'lable'");
  });

  test('both forms mean the same', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.uniqueArray(fc.string({ minLength: 1 }))), (given) => {
        const names = Object.keys(given);
        const map = JSON.stringify(
          Object.fromEntries(
            names.map((name) => [
              name,
              Object.fromEntries((given[name] ?? []).map((value) => [value, true])),
            ]),
          ),
        );
        const fromMap = decodeFilters(map);
        const fromList = decodeFilters(JSON.stringify(given));
        for (const name of names) {
          expect(new Set(fromMap[name])).toEqual(new Set(fromList[name]));
        }
      }),
    );
  });
});
