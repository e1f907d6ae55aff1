import { describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { readMode } from './mode.ts';

describe('a mode', () => {
  test.each(['755', '0644', '4755', '0'])('of digits is that mode: %s', (text) => {
    expect(readMode(text)(0o123, false)).toBe(Number.parseInt(text, 8));
  });

  test.each(['', '8', '10000', 'u', 'rwx', 'u=q', 'u=rwX;go=r', '-1', '0o755'])('is refused: %p', (text) => {
    expect(() => readMode(text)).toThrow('invalid chmod parameter');
  });

  test('of letters changes files and directories as chmod(1) does', () => {
    const root = mkdtempSync(join(tmpdir(), 'sampan-modes-'));
    const clause = fc
      .tuple(
        fc.constantFrom('u', 'g', 'o', 'a', 'ug', 'go'),
        fc.constantFrom('+', '-', '='),
        fc.constantFrom('r', 'w', 'x', 'X', 'rw', 'rwX', 'rX', 'rws', 't', 'u', 'g', 'o', ''),
      )
      .map((parts) => parts.join(''));
    const clauses = fc.array(clause, { minLength: 1, maxLength: 3 }).map((each) => each.join(','));
    const [file, directory] = [join(root, 'f'), join(root, 'd')];
    writeFileSync(file, '');
    mkdirSync(directory);
    fc.assert(
      fc.property(clauses, fc.nat(0o7777), (text, mode) => {
        for (const path of [file, directory]) chmodSync(path, mode);
        Bun.spawnSync(['chmod', text, file, directory]);
        expect(readMode(text)(mode, false)).toBe(statSync(file).mode & 0o7777);
        expect(readMode(text)(mode, true)).toBe(statSync(directory).mode & 0o7777);
      }),
      { numRuns: 60 },
    );
    rmSync(root, { recursive: true });
  });
});
