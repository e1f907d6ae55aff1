import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = join(import.meta.dir, '../build/bench');

/** A docker-save archive of a Debian root made by mmdebstrap (about 200 MB), made once and kept; its path. */
export function makeDebianArchive(): string {
  const archive = join(directory, 'debian.tar');
  if (existsSync(archive)) return archive;
  mkdirSync(directory, { recursive: true });
  const layer = join(directory, 'layer.tar');
  const made = spawnSync('mmdebstrap', ['--variant=important', '--format=tar', 'bookworm', layer], {
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`mmdebstrap failed: ${made.stderr}`);
  const diffId = createHash('sha256').update(readFileSync(layer)).digest('hex');
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['bash'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${diffId}`] },
    history: [{ created: '2024-01-01T00:00:00Z', created_by: 'mmdebstrap' }],
  });
  const name = `${createHash('sha256').update(config).digest('hex')}.json`;
  writeFileSync(join(directory, name), config);
  writeFileSync(
    join(directory, 'manifest.json'),
    JSON.stringify([{ Config: name, RepoTags: ['debian:bench'], Layers: ['layer.tar'] }]),
  );
  const packed = spawnSync('tar', ['-C', directory, '-cf', archive, 'manifest.json', name, 'layer.tar']);
  if (packed.status !== 0) throw new Error(`tar failed: ${packed.stderr}`);
  return archive;
}
