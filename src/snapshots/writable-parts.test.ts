import { expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../oci/digest.ts';
import { WritableParts } from './writable-parts.ts';

test('a snapshot whose list of layers is damaged can be removed, and does not keep the others from opening', async () => {
  const home = mkdtempSync(join(tmpdir(), 'writable-parts-'));
  const [root, trash] = [join(home, 'parts'), join(home, 'trash')];
  const before = await WritableParts.open(root, trash);
  for (const key of ['whole', 'empty', 'torn', 'unfinished']) before.prepare(key, [digestOf('layer')]);
  writeFileSync(join(root, 'empty/layers'), '');
  writeFileSync(join(root, 'torn/layers'), 'sha256:12');
  rmSync(join(root, 'unfinished/layers'));

  const parts = await WritableParts.open(root, trash);
  expect([...parts.keys()].sort()).toEqual(['empty', 'torn', 'whole']);
  expect(existsSync(join(root, 'unfinished'))).toBe(false);
  for (const key of ['empty', 'torn']) {
    expect(() => parts.layersOf(key)).toThrow(`the list of layers of snapshot ${key} is damaged`);
    await parts.remove(key);
    expect(existsSync(join(root, key))).toBe(false);
  }
  rmSync(home, { recursive: true });
});
