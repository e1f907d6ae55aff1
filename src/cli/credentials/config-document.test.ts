import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changeConfig } from './config-document.ts';

let home: string;
let path: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-config-'));
  path = join(home, 'config.json');
});
afterEach(() => rmSync(home, { recursive: true }));

const setAuth = (name: string) => (document: Record<string, unknown>) => {
  document['auths'] = { ...(document['auths'] as object), [name]: {} };
  return true;
};

describe('changing config.json', () => {
  test('makes folder and file for their owner alone', async () => {
    const folder = join(home, 'new');
    await changeConfig(folder, setAuth('a'));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'config.json')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe('{\n\t"auths": {\n\t\t"a": {}\n\t}\n}');
    expect(readdirSync(folder)).toEqual(['config.json']);
  });

  test('keeps keys that only others know, and the order of all', async () => {
    writeFileSync(path, '{"zeta":[1,{"b":2,"a":1}],"auths":{"z":{"email":"x"},"b":{}},"alpha":null}');
    await changeConfig(home, setAuth('a'));
    expect(JSON.stringify(JSON.parse(readFileSync(path, 'utf8')))).toBe(
      '{"zeta":[1,{"b":2,"a":1}],"auths":{"z":{"email":"x"},"b":{},"a":{}},"alpha":null}',
    );
  });

  test('keeps the mode that a user gave the file', async () => {
    writeFileSync(path, '{}');
    chmodSync(path, 0o640);
    await changeConfig(home, setAuth('a'));
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  test('writes nothing where nothing changes', async () => {
    writeFileSync(path, ' { } ');
    await changeConfig(home, () => false);
    expect(readFileSync(path, 'utf8')).toBe(' { } ');
  });

  test('follows links, also to what is not there yet', async () => {
    mkdirSync(join(home, 'far'));
    symlinkSync('far/link', path);
    symlinkSync('real.json', join(home, 'far/link'));
    await changeConfig(home, setAuth('a'));
    await changeConfig(home, setAuth('b'));
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(join(home, 'far/real.json'), 'utf8'))).toEqual({
      auths: { a: {}, b: {} },
    });
  });

  test('refuses links that lead in a circle', async () => {
    symlinkSync('other', path);
    symlinkSync('config.json', join(home, 'other'));
    await expect(changeConfig(home, setAuth('a'))).rejects.toThrow('too many levels of symbolic links');
  });

  for (const [what, text] of [
    ['no JSON', '{"auths":'],
    ['a list', '[]'],
    ['more than a configuration has', `{"x":"${'x'.repeat(5 << 20)}"}`],
  ] as const) {
    test(`leaves a file alone that is ${what}, and names it`, async () => {
      writeFileSync(path, text);
      await expect(changeConfig(home, setAuth('a'))).rejects.toThrow(path);
      expect(readFileSync(path, 'utf8')).toBe(text);
      expect(existsSync(`${path}.lock`)).toBe(false);
    });
  }

  test('takes an empty file for one that says nothing', async () => {
    writeFileSync(path, '\n');
    await changeConfig(home, setAuth('a'));
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ auths: { a: {} } });
  });

  test('forgets nobody when several processes write at once', async () => {
    const script = `
      const { changeConfig } = await import(${JSON.stringify(join(import.meta.dir, 'config-document.ts'))});
      for (let round = 0; round < 10; round++) {
        await changeConfig(${JSON.stringify(home)}, (document) => {
          document.auths = { ...document.auths, [process.argv.at(-1) + round]: {} };
          return true;
        });
      }`;
    const writers = ['a', 'b', 'c'].map((name) => Bun.spawn([process.execPath, '-e', script, name]));
    expect(await Promise.all(writers.map(({ exited }) => exited))).toEqual([0, 0, 0]);
    expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')).auths)).toHaveLength(30);
    expect(readdirSync(home)).toEqual(['config.json']);
  });

  test('does not wait for a writer that died long ago', async () => {
    writeFileSync(`${path}.lock`, '');
    utimesSync(`${path}.lock`, 1, 1);
    await changeConfig(home, setAuth('a'));
    expect(readdirSync(home)).toEqual(['config.json']);
  });
});
