import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf, hexOf } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { readTar } from '../../oci/tar/archive.ts';
import { layoutImage } from './oci-layout.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-layout-'));
  mkdirSync(join(home, 'blobs/sha256'), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true }));

function blob(bytes: string): { digest: string; size: number } {
  const digest = digestOf(bytes);
  writeFileSync(join(home, 'blobs/sha256', hexOf(digest)), bytes);
  return { digest, size: bytes.length };
}

/** Its entry, and the digest of its configuration. */
function image(text: string): {
  readonly entry: { mediaType: string; digest: string; size: number };
  readonly id: string;
} {
  const config = blob(JSON.stringify({ text }));
  const manifest = { config, layers: [blob(`layer of ${text}`), blob('layer of all')] };
  return {
    entry: { mediaType: mediaTypes.ociManifest, ...blob(JSON.stringify(manifest)) },
    id: config.digest,
  };
}

function index(...manifests: object[]): void {
  writeFileSync(join(home, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
}

const named = (entry: object, tag: string) => ({
  ...{ ...entry, annotations: { 'org.opencontainers.image.ref.name': tag } },
});
const find = (suffix = '') =>
  layoutImage(`oci-layout://${home}${suffix}`, { os: 'linux', architecture: 'amd64' });

describe('an image of a layout', () => {
  test('is found by its tag or digest, or is the only one', async () => {
    const [one, two] = [image('one'), image('two')];
    index(one.entry);
    expect(find().id).toBe(one.id);
    index(named(one.entry, 'a'), named(two.entry, 'latest'));
    expect(find().id).toBe(two.id);
    expect(find(':a').id).toBe(one.id);
    expect(find(`@${one.entry.digest}`).id).toBe(one.id);
    expect(find(`:latest@${one.entry.digest}`).id).toBe(one.id);
    const names: string[] = [];
    for await (const { entry } of readTar(find(':a').archive())) names.push(entry.name);
    expect(names).toHaveLength(6);
    expect(names.slice(0, 2)).toEqual(['oci-layout', 'index.json']);
  });

  test('is the one for the platform, wherever in an index', () => {
    const [arm, amd] = [image('arm'), image('amd')];
    const at = (architecture: string) => ({ platform: { os: 'linux', architecture } });
    const inner = JSON.stringify({
      manifests: [
        { ...arm.entry, ...at('arm64') },
        { ...amd.entry, ...at('amd64') },
      ],
    });
    index({ mediaType: mediaTypes.ociIndex, ...blob(inner) });
    expect(find().id).toBe(amd.id);
    expect(layoutImage(`oci-layout://${home}`, { os: 'linux', architecture: 'arm64' }).id).toBe(arm.id);
    expect(() => layoutImage(`oci-layout://${home}`, { os: 'linux', architecture: 's390x' })).toThrow(
      'no image for linux/s390x',
    );
  });

  test('cannot be what leads out of the layout, is another, or is none', () => {
    expect(() => find()).toThrow('no such file or directory');
    const { entry } = image('one');
    index(named(entry, 'a'), named(entry, 'b'));
    expect(() => find()).toThrow('has no image "latest"');
    expect(() => find(':c')).toThrow('has no image "c"');
    index({ ...entry, digest: 'sha256:../../../../etc/passwd' });
    expect(() => find()).toThrow('invalid digest');
    expect(() => find('@sha256:../../etc/passwd')).toThrow('invalid digest');
    index(entry);
    writeFileSync(join(home, 'blobs/sha256', hexOf(digestOf('x'))), 'y');
    expect(() => find(`@${digestOf('x')}`)).toThrow('is another one');
    writeFileSync(join(home, 'index.json'), '[]');
    expect(() => find()).toThrow('is not a JSON object');
  });
});
