import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { parseReference } from '../../oci/reference.ts';
import type { ImageManifest } from './image-manifest.ts';
import { ManifestStore } from './manifest-store.ts';

const list = parseReference('registry.example:5000/team/app:latest');
const text = '{"schemaVersion":2}';

function image(name: string): ImageManifest {
  const bytes = Buffer.from(text);
  const descriptor = { mediaType: mediaTypes.dockerManifest, digest: digestOf(bytes), size: bytes.length };
  return { reference: parseReference(name), descriptor, text };
}

let home: string;
let store: ManifestStore;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-manifests-'));
  store = new ManifestStore(home);
});
afterEach(() => rmSync(home, { recursive: true }));

describe('the store of manifest lists', () => {
  test('keeps them where docker looks for them', () => {
    for (const name of ['b:1', 'registry.example:5000/team/app:arm']) {
      store.save(list, parseReference(name), image(name));
    }
    expect(readdirSync(join(home, 'manifests'))).toEqual(['registry.example-5000_team_app-latest']);
    expect(readdirSync(join(home, 'manifests/registry.example-5000_team_app-latest')).sort()).toEqual([
      'docker.io_library_b-1',
      'registry.example-5000_team_app-arm',
    ]);
    expect(store.list(list)?.map(({ reference }) => reference.path)).toEqual(['library/b', 'team/app']);
    expect(store.get(list, parseReference('b:1'))).toEqual(image('b:1'));
  });

  test('knows neither what was never there nor what was removed', () => {
    expect(store.list(list)).toBeUndefined();
    store.save(list, parseReference('b:1'), image('b:1'));
    expect(store.get(list, parseReference('b:2'))).toBeUndefined();
    store.remove(list);
    expect(store.list(list)).toBeUndefined();
  });

  test('names the file that it cannot read', () => {
    store.save(list, parseReference('b:1'), image('b:1'));
    const path = join(home, 'manifests/registry.example-5000_team_app-latest/docker.io_library_b-1');
    writeFileSync(path, '{');
    expect(() => store.list(list)).toThrow(`invalid manifest file ${path}: `);
    writeFileSync(path, ' '.repeat((16 << 20) + 1));
    expect(() => store.get(list, parseReference('b:1'))).toThrow('it has more than 16777216 bytes');
  });
});
