import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseCsvLine } from './csv.ts';

test('parseCsvLine undoes quoting', () => {
  const field = fc.string().filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(fc.array(field, { minLength: 2 }), (fields) => {
      const line = fields.map((text) => `"${text.replaceAll('"', '""')}"`).join(',');
      expect(parseCsvLine(line)).toEqual(fields);
    }),
  );
});

test('parseCsvLine tells where a quote is wrong', () => {
  expect(() => parseCsvLine('a"b')).toThrow('parse error on line 1, column 2: bare " in non-quoted field');
  expect(() => parseCsvLine('"a')).toThrow('extraneous or missing " in quoted-field');
  expect(() => parseCsvLine('')).toThrow('EOF');
});
