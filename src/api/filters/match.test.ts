import { describe, expect, test } from 'bun:test';
import { flagFilter, matchesLabels, matchesText, singleValue } from './match.ts';

describe('matchesText', () => {
  test.each([
    [undefined, true],
    [[], true],
    [['web'], true],
    [['^we'], true],
    [['e'], true],
    [['/web'], true],
    [['db', 'web'], true],
    [['db'], false],
    [['('], false],
    [['^(web|db)$'], true],
    [['w.*b'], true],
    [['(w+)+b'], false],
    [['.*.*.*.*b'], false],
    [['a'.repeat(2000)], false],
  ])('of %j', (values, expected) => {
    const filters = values === undefined ? {} : { name: values };
    expect(matchesText(filters, 'name', 'web', '/web')).toBe(expected);
  });
});

describe('matchesLabels', () => {
  const labels = { a: '1', b: '', 'c=d': 'e' };
  test.each([
    [{}, true],
    [{ label: ['a'] }, true],
    [{ label: ['a=1', 'b='] }, true],
    [{ label: ['a=1', 'z'] }, false],
    [{ label: ['a=2'] }, false],
    [{ label: ['toString'] }, false],
    [{ 'label!': ['a'] }, false],
    [{ 'label!': ['a=2'] }, true],
  ])('of %j', (filters, expected) => expect(matchesLabels(filters, labels)).toBe(expected));

  test('an object without labels has none', () => {
    expect(matchesLabels({ label: ['a'] }, null)).toBe(false);
  });
});

describe('flagFilter', () => {
  test.each([
    [undefined, undefined],
    [['true'], true],
    [['1', 'true'], true],
    [['0'], false],
  ])('of %j is %p', (values, expected) => {
    expect(flagFilter(values === undefined ? {} : { on: values }, 'on')).toBe(expected);
  });
  test.each([[['maybe']], [['true', 'false']]])('of %j is refused', (values) => {
    expect(() => flagFilter({ on: values }, 'on')).toThrow(`invalid filter 'on=[${values.join(' ')}]'`);
  });
});

test('singleValue refuses several', () => {
  expect(singleValue({ until: ['1'] }, 'until')).toBe('1');
  expect(() => singleValue({ until: ['1', '2'] }, 'until')).toThrow("invalid filter 'until'");
});
