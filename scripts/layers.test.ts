import { expect, test } from 'bun:test';
import { dirname, join, relative } from 'node:path';
import { Glob } from 'bun';
import layers from '../layers.json' with { type: 'json' };

const source = join(import.meta.dir, '../src');
const allowed: Readonly<Record<string, readonly string[]>> = layers;

interface Import {
  readonly file: string;
  readonly target: string;
}

function importsOf(file: string, text: string): Import[] {
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(
    ([, specifier]) => specifier ?? '',
  );
  return specifiers
    .map((specifier) => ({ file, target: relative(source, join(source, dirname(file), specifier)) }))
    .filter(({ target }) => !target.startsWith('..'));
}

/** A file may import its own folder, `base`, what its folder may, and what its own line says if it has one. */
function isAllowed({ file, target }: Import): boolean {
  const folder = folderOf(file);
  const rules = [...(allowed[folder] ?? []), ...(allowed[file] ?? []), folder, 'base'];
  return rules.includes(target) || rules.includes(folderOf(target));
}

function folderOf(file: string): string {
  return file.split('/')[0] ?? '';
}

test('imports keep to layers.json', async () => {
  const found: Import[] = [];
  for (const file of new Glob('**/*.ts').scanSync(source)) {
    if (/(\.test|-suite)\.ts$/.test(file) || file.includes('/testing/')) continue;
    found.push(...importsOf(file, await Bun.file(join(source, file)).text()));
  }
  expect(found.length).toBeGreaterThan(50);
  const breaches = found
    .filter((item) => !isAllowed(item))
    .map(({ file, target }) => `${file} imports ${target}`);
  expect(breaches).toEqual([]);
});

test('every folder has a line in layers.json, and every file that it names exists', () => {
  const files = [...new Glob('*/**/*.ts').scanSync(source)];
  const folders = new Set(files.map(folderOf));
  expect([...folders].filter((folder) => !(folder in allowed))).toEqual([]);
  const named = [...Object.keys(allowed), ...Object.values(allowed).flat()].filter((name) =>
    name.includes('/'),
  );
  expect(named.filter((name) => !files.includes(name))).toEqual([]);
});
