import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { DockerfileError } from '../dockerfile/errors.ts';
import { BuildError, locate } from './errors.ts';
import { excerptOf } from './excerpt.ts';

const file = { filename: 'Dockerfile', text: 'a\nb\nc\r\nd\ne\nf\ng' };

function shown(first: number, last: number): string[] {
  return excerptOf(file, { first, last }).split('\n').slice(2, -2);
}

describe('an excerpt', () => {
  test('shows four lines around one, two around more, as far as there are', () => {
    expect(excerptOf(file, { first: 4, last: 4 })).toBe(
      [
        ...[
          'Dockerfile:4',
          '--------------------',
          '   2 |     b',
          '   3 |     c',
          '   4 | >>> d',
          '   5 |     e',
        ],
        ...['   6 |     f', '--------------------', ''],
      ].join('\n'),
    );
    expect(shown(3, 4)).toEqual(['   2 |     b', '   3 | >>> c', '   4 | >>> d', '   5 |     e']);
    expect(shown(1, 1)).toEqual([
      '   1 | >>> a',
      '   2 |     b',
      '   3 |     c',
      '   4 |     d',
      '   5 |     e',
    ]);
    expect(shown(7, 9).at(-1)).toBe('   7 | >>> g');
    expect(excerptOf(file, { first: 8, last: 8 })).toBe('');
  });

  test('marks all lines that are meant, whatever the file', () => {
    const lines = fc.array(fc.stringMatching(/^[ -~]*$/), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(lines, fc.nat(), fc.nat(10), (texts, start, more) => {
        const first = (start % texts.length) + 1;
        const excerpt = excerptOf({ filename: 'f', text: texts.join('\n') }, { first, last: first + more });
        const marked = excerpt.split('\n').filter((line) => line.includes('| >>> '));
        expect(marked).toEqual(
          texts
            .slice(first - 1, first + more)
            .map((text, index) => ` ${String(first + index).padStart(3)} | >>> ${text}`),
        );
      }),
    );
  });

  test('is given to failures of which it is known where they are, and to no others', () => {
    const lines = { first: 2, last: 2 };
    const known = new BuildError(new Error('why'), { vertex: undefined, lines, excerpt: '' });
    for (const error of [new DockerfileError('why', lines), known]) {
      expect(locate(error, file)).toMatchObject({ message: 'why', lines, excerpt: excerptOf(file, lines) });
    }
    const other = new Error('why');
    expect(locate(other, file)).toBe(other);
    const nowhere = new DockerfileError('why');
    expect(locate(nowhere, file)).toBe(nowhere);
  });
});
