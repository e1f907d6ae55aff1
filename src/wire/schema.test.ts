import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ContainerCreateRequest } from './container-config.ts';
import { boolean, int64, list, map, nullable, optional, string, struct, uint16 } from './schema.ts';

const Sample = struct('Sample', {
  Name: string,
  Count: int64,
  Small: uint16,
  On: boolean,
  Items: list(string),
  Labels: map(string),
  Limit: nullable(int64),
  Extra: optional(string),
});

describe('a struct', () => {
  test('absent and null keys are zero values, and optional ones are left out', () => {
    const zero = { Name: '', Count: 0, Small: 0, On: false, Items: null, Labels: null, Limit: null };
    expect(Sample.zero()).toEqual(zero);
    expect(Sample.decode({ Name: null, Extra: null }, '')).toEqual(zero);
    expect(Sample.decode(null, '')).toEqual(zero);
  });

  test('keys match whatever their case, and unknown ones are ignored', () => {
    expect(Sample.decode({ nAME: 'a', Other: 1 }, '')).toMatchObject({ Name: 'a' });
    expect(Sample.decode({ Other: 1 }, '')).not.toHaveProperty('Other');
  });

  test.each([
    [{ Name: 1 }, 'json: cannot unmarshal number 1 into Go struct field Sample.Name of type string'],
    [{ On: 'yes' }, 'json: cannot unmarshal string into Go struct field Sample.On of type bool'],
    [{ Count: 1.5 }, 'json: cannot unmarshal number 1.5 into Go struct field Sample.Count of type int64'],
    [
      { Small: 65536 },
      'json: cannot unmarshal number 65536 into Go struct field Sample.Small of type uint16',
    ],
    [{ Small: -1 }, 'json: cannot unmarshal number -1 into Go struct field Sample.Small of type uint16'],
    [{ Items: {} }, 'json: cannot unmarshal object into Go struct field Sample.Items of type []string'],
    [
      { Labels: [] },
      'json: cannot unmarshal array into Go struct field Sample.Labels of type map[string]string',
    ],
    ['text', 'json: cannot unmarshal string into Go value of type Sample'],
  ])('%j is refused as Go does', (value, message) => {
    expect(() => Sample.decode(value, '')).toThrow(message);
  });

  test('keys of prototypes are only keys', () => {
    const labels = JSON.parse('{"__proto__":"a","constructor":"b"}');
    const decoded = Sample.decode({ Labels: labels }, '');
    expect(Object.entries(decoded.Labels ?? {})).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    expect(Object.getPrototypeOf(decoded.Labels)).toBe(Object.prototype);
  });
});

test('decoding what was decoded changes nothing', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      let decoded: unknown;
      try {
        decoded = ContainerCreateRequest.decode(value, '');
      } catch {
        return;
      }
      expect(ContainerCreateRequest.decode(JSON.parse(JSON.stringify(decoded)), '')).toEqual(
        decoded as never,
      );
    }),
  );
});
