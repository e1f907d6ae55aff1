import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { DockerfileError } from './errors.ts';
import { expand, expandToWords } from './expansion.ts';

const values: Readonly<Record<string, string>> = {
  v: 'value',
  e: '',
  sp: 'a b',
  path: '/usr/local/lib/x.tar.gz',
  d: '5',
};
const options = { escape: '\\', lookup: (name: string) => values[name] };

describe('expansion', () => {
  test.each([
    ['$v', 'value'],
    ['${v}x', 'valuex'],
    ['$vx', ''],
    ['$unset-', '-'],
    ['a$', 'a$'],
    ['\\$v', '$v'],
    ["'$v'", '$v'],
    ['"$v \\"q\\" \\x"', 'value "q" \\x'],
    ['a"b c"d', 'ab cd'],
    ['${e:-w}', 'w'],
    ['${e-w}', ''],
    ['${u-w}', 'w'],
    ['${u:-${v}s}', 'values'],
    ['${v:+w}', 'w'],
    ['${e:+w}', ''],
    ['${e+w}', 'w'],
    ['${u+w}', ''],
    ['${v:?w}', 'value'],
    ['${path#*/}', 'usr/local/lib/x.tar.gz'],
    ['${path##*/}', 'x.tar.gz'],
    ['${path%.*}', '/usr/local/lib/x.tar'],
    ['${path%%.*}', '/usr/local/lib/x'],
    ['${v#x}', 'value'],
    ['${v/l/L}', 'vaLue'],
    ['${path//\\//-}', '-usr-local-lib-x.tar.gz'],
    ['${path/l*b/Z}', '/usr/Z/x.tar.gz'],
    ['${v/e/\\}}', 'valu}'],
    ['${v/?a/}', 'lue'],
    ['\\\\', '\\'],
    ['$d$v', '5value'],
  ])('of %s is %s', (text, result) => {
    expect(expand(text, options)).toBe(result);
  });

  test.each([
    ['${', 'syntax error: bad substitution'],
    ['${}', 'syntax error: bad substitution'],
    ['${v', "syntax error: missing '}'"],
    ['${v:-x', "syntax error: missing '}'"],
    ['${v:#x}', 'unsupported modifier (:#) in substitution'],
    ['${u:?}', 'u: is not allowed to be empty'],
    ['${u?}', 'u: is not allowed to be unset'],
    ['${u?say this}', 'u: say this'],
    ["'x", 'looking for matching single-quote'],
    ['"x', 'looking for matching double-quote'],
    ['${v#\\x}', 'invalid escape'],
  ])('of %s fails', (text, message) => {
    expect(() => expand(text, options)).toThrow(message);
  });

  test('splits words at blanks that are not quoted', () => {
    expect(expandToWords('a $sp "$sp" \'\' b\\ c', options)).toEqual(['a', 'a', 'b', 'a b', '', 'b c']);
  });

  test('tells of names that are not set', () => {
    const unset: string[] = [];
    expand('$v ${a} ${b:-x} $c', { ...options, onUnset: (name) => unset.push(name) });
    expect(unset).toEqual(['a', 'b', 'c']);
  });

  test('of hostile patterns takes no longer than text times pattern', () => {
    const long = { ...options, lookup: () => 'a'.repeat(5_000) };
    expect(expand(`\${x##${'*a'.repeat(50)}b}`, long)).toHaveLength(5_000);
  });

  test('of any text ends with a text or a DockerfileError', () => {
    const piece = fc.constantFrom('$', '{', '}', 'v', ':', '-', '/', '#', '%', '*', '?', '\\', '"', "'", ' ');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          expect(typeof expand(pieces.join(''), options)).toBe('string');
        } catch (error) {
          expect(error).toBeInstanceOf(DockerfileError);
        }
      }),
    );
  });
});
