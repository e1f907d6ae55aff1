import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseChallenges } from './challenge.ts';

const plain = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('parseChallenges', () => {
  test.each([
    ['Basic realm="a b"', [['basic', { realm: 'a b' }]]],
    [
      'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
      [
        [
          'bearer',
          {
            realm: 'https://auth.example/token',
            service: 'registry.example',
            scope: 'repository:a/b:pull,push',
          },
        ],
      ],
    ],
    [
      'Negotiate, BEARER Realm = "x\\"y" , error=invalid_token,Basic realm=z',
      [
        ['negotiate', {}],
        ['bearer', { realm: 'x"y', error: 'invalid_token' }],
        ['basic', { realm: 'z' }],
      ],
    ],
    [
      'Negotiate YWJj==, Basic realm="r"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'r' }],
      ],
    ],
    ['Bearer realm="never closed', [['bearer', {}]]],
    ['', []],
    ['"', []],
  ])('reads %p', (header, expected) => {
    expect(plain(header)).toEqual(expected as never);
  });

  test('gives back any parameters', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/);
    const value = fc.string({ maxLength: 40 });
    fc.assert(
      fc.property(fc.dictionary(name, value, { noNullPrototype: true }), (parameters) => {
        const list = Object.entries(parameters).map(
          ([key, text]) => `${key}="${text.replace(/[\\"]/g, '\\$&')}"`,
        );
        expect(plain(`Bearer ${list.join(', ')}`)).toEqual([['bearer', parameters]]);
      }),
    );
  });

  test('ends for any header', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'a= ,"\\\tB/+'), maxLength: 200 }), (header) => {
        parseChallenges(header);
      }),
    );
  });
});
