import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { flag } from './flag.ts';
import { FlagError, parseFlags } from './flag-parser.ts';
import { bool, bytes, filter, integer, list, map, text } from './flag-types.ts';

const table = {
  all: flag(bool(), 'a', ''),
  detach: flag(bool(), 'd', ''),
  env: flag(list(), 'e', ''),
  name: flag(text('x'), 'n', ''),
  count: flag(integer(), 'c', ''),
  memory: flag(bytes, 'm', ''),
  label: flag(map(), '', ''),
  filter: flag(filter, '', ''),
  old: flag(text(), '', '', { deprecated: 'use --name instead', sameAs: 'name' }),
};

const parse = (line: string, interspersed = true) =>
  parseFlags(table, line.split(' ').filter(Boolean), { interspersed });

describe('parseFlags', () => {
  test('takes values after a blank, after =, and right after the letter', () => {
    const { values } = parse('--env A --env=B -e C -eD -e=E');
    expect(values.env).toEqual(['A', 'B', 'C', 'D', 'E']);
  });

  test('takes letters together, the last of them with a value', () => {
    const { values, args } = parse('-adn web rest');
    expect(values).toMatchObject({ all: true, detach: true, name: 'web' });
    expect(args).toEqual(['rest']);
  });

  test('needs = for the value of a switch', () => {
    expect(parse('--all false')).toMatchObject({ values: { all: true }, args: ['false'] });
    expect(parse('--all=false').values.all).toBe(false);
    expect(parse('-a=0').values.all).toBe(false);
  });

  test('finds flags behind arguments only if told to', () => {
    expect(parse('image -a')).toMatchObject({ values: { all: true }, args: ['image'] });
    expect(parse('image -a', false)).toMatchObject({ values: { all: false }, args: ['image', '-a'] });
  });

  test('stops at --, and takes - for an argument', () => {
    expect(parse('-a -- -d').args).toEqual(['-d']);
    expect(parse('- -d').args).toEqual(['-']);
  });

  test('reads maps, filters, sizes and numbers', () => {
    const line = '--label a=b --label c --filter x=1 --filter x=2 -m 1.5k -c 0x10';
    expect(parse(line).values).toMatchObject({
      label: { a: 'b', c: '' },
      filter: { x: { '1': true, '2': true } },
      memory: 1536,
      count: 16,
    });
  });

  test('sets the flag that another spelling stands for, and warns of an old one', () => {
    const { values, spelled, warnings } = parse('--old y');
    expect(values.name).toBe('y');
    expect([...spelled]).toEqual(['old']);
    expect(warnings).toEqual(['Flag --old has been deprecated, use --name instead']);
  });

  test('never fails but with a FlagError', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.boolean(), (args, interspersed) => {
        try {
          parseFlags(table, args, { interspersed });
        } catch (reason) {
          expect(reason).toBeInstanceOf(FlagError);
        }
      }),
    );
  });
});
