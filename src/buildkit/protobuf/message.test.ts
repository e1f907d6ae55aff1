import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isCode } from '../../base/errors.ts';
import { big, bytes, flag, list, message, nested, number, text, textMap, texts } from './message.ts';

const Inner = message({ name: text(1), size: number(2) });
const Outer = message({
  text: text(1),
  number: number(2),
  big: big(3),
  flag: flag(4),
  bytes: bytes(5),
  nested: nested(6, Inner),
  list: list(7, Inner),
  texts: texts(8),
  map: textMap(20),
});

const inner = fc.record({ name: fc.string(), size: fc.maxSafeInteger() });
const outer = fc.record({
  text: fc.string(),
  number: fc.maxSafeInteger(),
  big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  flag: fc.boolean(),
  bytes: fc.uint8Array(),
  nested: fc.option(inner, { nil: undefined }),
  list: fc.array(inner),
  texts: fc.array(fc.string()),
  map: fc.dictionary(fc.string(), fc.string()),
});

describe('a protobuf message', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(outer, (value) => {
        const decoded = Outer.decode(Outer.encode(value));
        expect({ ...decoded, bytes: [...decoded.bytes], map: { ...decoded.map } }).toEqual({
          ...value,
          bytes: [...value.bytes],
          map: { ...value.map },
        });
      }),
    );
  });

  test('has the bytes that the encoding asks for', () => {
    // From the description of the encoding: field 2 is the varint 150, field 1 is "testing".
    expect(Inner.encode({ name: 'testing', size: 150 }).toString('hex')).toBe('0a0774657374696e67109601');
    expect(Inner.encode({ size: -1 }).toString('hex')).toBe('10ffffffffffffffffff01');
    expect(Inner.encode({ name: '', size: 0 })).toHaveLength(0);
  });

  test('passes over fields that it does not know', () => {
    const unknown = Buffer.from('5801610102030405060708650102030462026869', 'hex');
    expect(Inner.decode(Buffer.concat([unknown, Inner.encode({ name: 'a' }), unknown]))).toEqual({
      name: 'a',
      size: 0,
    });
  });

  test('keeps no other prototype than a map has', () => {
    const { map } = Outer.decode(Outer.encode({ map: JSON.parse('{"__proto__":"x"}') }));
    expect(Object.getPrototypeOf(map)).toBeNull();
    expect(Object.entries(map)).toEqual([['__proto__', 'x']]);
  });

  test('of any bytes is read or refused, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (given) => {
        try {
          Outer.decode(given);
        } catch (error) {
          expect(isCode(error, 'invalid-argument')).toBe(true);
        }
      }),
    );
  });

  test.each(['0a', '0a05', '0a7f61', '08ff', '10ffffffffffffffffffffff01', '08', '1200', '0f', '65000000'])(
    'refuses %s',
    (hex) => {
      expect(() => Inner.decode(Buffer.from(hex, 'hex'))).toThrow('malformed protobuf message');
    },
  );
});
