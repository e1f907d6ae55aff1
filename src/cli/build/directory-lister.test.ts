import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readIgnoreFile } from '../../dockerfile/ignore-file.ts';
import { entryStat, statSlowly } from './entry-stat.ts';
import { scanContext } from './scan-context.ts';
import { type ContextFiles, openContext } from './walk-context.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sampan-lister-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function scan(files: Partial<ContextFiles> = {}) {
  const nothing = new Map<string, Uint8Array>();
  const all = { directory, rules: undefined, always: new Set<string>(), rewritten: nothing, added: nothing };
  const scanned = scanContext({ ...all, ...files });
  if (scanned === undefined) throw new Error('it cannot be listed');
  return scanned;
}

const idsOf = (files: Partial<ContextFiles> = {}): string[] =>
  scan(files).listings.map(({ id }) => Buffer.from(id).toString('hex'));
const textsOf = (files: Partial<ContextFiles> = {}): unknown[][] =>
  scan(files).listings.map(({ text }) => JSON.parse(text));

/** Until no further change of what is there could go unseen. */
const settle = (): Promise<void> => Bun.sleep(150);

describe('the listing of a directory', () => {
  test('is the same while nothing changes, and another one whatever changes', async () => {
    const path = join(directory, 'f');
    writeFileSync(path, 'one');
    utimesSync(path, 1000, 1000);
    await settle();
    const before = idsOf();
    expect(idsOf()).toEqual(before);
    // Neither size nor time tell of it.
    writeFileSync(path, 'two');
    utimesSync(path, 1000, 1000);
    await settle();
    const changed = idsOf();
    expect(changed).not.toEqual(before);
    const other = `${path}.other`;
    writeFileSync(other, 'six');
    utimesSync(other, 1000, 1000);
    renameSync(other, path);
    await settle();
    expect(idsOf()).not.toEqual(changed);
  });

  test('is never the same of a file that has changed only just now', () => {
    writeFileSync(join(directory, 'f'), 'one');
    expect(idsOf()).not.toEqual(idsOf());
  });

  test('has its attributes, and of what is ignored only what is in again', async () => {
    mkdirSync(join(directory, 'out/in'), { recursive: true, mode: 0o750 });
    mkdirSync(join(directory, 'empty'), { mode: 0o700 });
    writeFileSync(join(directory, 'out/in/f'), 'x');
    writeFileSync(join(directory, 'out/g'), 'x');
    utimesSync(join(directory, 'empty'), 7.5, 7.5);
    await settle();
    const texts = textsOf({ rules: readIgnoreFile('out\n!out/in/f') });
    expect(texts.sort()).toEqual([
      ['', null, 0],
      ['empty', 0o700, 7],
      ['out/in', null, 0, ['f', 0o100644, 1, expect.any(Number), expect.any(String)]],
    ]);
  });

  test('is cut where it becomes long', async () => {
    for (let index = 0; index < 1001; index++) writeFileSync(join(directory, `f${index}`), '');
    await settle();
    expect(textsOf().map((listing) => listing.length - 3)).toEqual([1000, 1]);
    expect(scan()).toMatchObject({ entries: 1001, bytes: 0 });
  });

  test('knows what is put in the place of files, or besides, by its bytes', async () => {
    writeFileSync(join(directory, '.dockerignore'), 'a');
    const [lines, text] = [Buffer.from('a\nb'), Buffer.from('FROM scratch')];
    const files = { rewritten: new Map([['.dockerignore', lines]]), added: new Map([['d', text]]) };
    const before = idsOf(files);
    expect(idsOf(files)).toEqual(before);
    expect(idsOf({ ...files, added: new Map([['d', Buffer.from('FROM busybox')]]) })).not.toEqual(before);
    expect(idsOf({ ...files, rewritten: new Map([['.dockerignore', Buffer.from('a\nc')]]) })).not.toEqual(
      before,
    );
  });
});

test('what the C library says of a file is what Node says', () => {
  const path = join(directory, Buffer.from('\u00e9').toString());
  writeFileSync(path, 'twelve bytes');
  linkSync(path, join(directory, 'l'));
  utimesSync(path, -5.25, 2 ** 33 + 0.5);
  const root = openContext({ directory });
  for (const name of ['l', Buffer.from('\u00e9').toString('latin1'), '.']) {
    expect(entryStat()(root, name)).toEqual(statSlowly(root, name));
  }
  expect(entryStat()(root, 'nothing')).toBeUndefined();
  const { ino, mtimeMs } = statSync(path);
  expect(entryStat()(root, 'l')).toMatchObject({ size: 12, inode: ino, seconds: Math.floor(mtimeMs / 1000) });
});
