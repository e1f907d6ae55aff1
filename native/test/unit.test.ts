import { afterAll, beforeAll, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const native = join(import.meta.dir, '..');
const units = readdirSync(import.meta.dir).filter((name) => name.endsWith('_test.c'));
const compile = [
  '-std=c11',
  '-D_GNU_SOURCE',
  '-g',
  `-I${native}`,
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover',
];

let objects: string;

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { cwd: objects, encoding: 'utf8' });
  expect({ command, status, words: error?.message ?? stderr }).toEqual({ command, status: 0, words: '' });
}

beforeAll(() => {
  objects = mkdtempSync(join(tmpdir(), 'sampan-unit-'));
  const sources = readdirSync(native).filter((name) => name.endsWith('.c') && name !== 'main.c');
  run(process.env.CC ?? 'cc', [...compile, '-c', ...sources.map((name) => join(native, name))]);
}, 120_000);
afterAll(() => rmSync(objects, { recursive: true, force: true }));

test.each(units)('%s passes under sanitizers', (unit) => {
  const program = join(objects, basename(unit, '.c'));
  const parts = readdirSync(objects).filter((name) => name.endsWith('.o'));
  run(process.env.CC ?? 'cc', [...compile, join(import.meta.dir, unit), ...parts, '-o', program]);
  run(program, []);
});
