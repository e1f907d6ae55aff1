import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTarHeader, tarEnd, tarPadding } from '../../../src/oci/tar/writer.ts';
import { makeBusyboxRoot, tarOf } from '../../fixtures/busybox-root.ts';

/** What `docker save` writes, with the IDs that its images must get. */
export interface SavedImages {
  readonly archive: Buffer;
  /** By name, as sha256:… */
  readonly ids: Readonly<Record<string, string>>;
}

const busyboxConfig = {
  Cmd: ['sh'],
  Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  Labels: { maker: 'tests' },
};

const appConfig = {
  ...busyboxConfig,
  User: 'www-data',
  Entrypoint: ['echo', 'hello'],
  Cmd: ['world'],
  WorkingDir: '/var/app',
  ExposedPorts: { '80/tcp': {}, '53/udp': {} },
  Volumes: { '/var/data': {} },
  StopSignal: 'SIGINT',
  Labels: { maker: 'tests', app: '1' },
};

/** The images busybox:latest and app:1 (also app:latest) of one layer, and the layer's tar. */
export function savedImages(): SavedImages & { readonly layer: Buffer } {
  const root = mkdtempSync(join(tmpdir(), 'compat-root-'));
  mkdirSync(join(root, 'var'), { recursive: true });
  makeBusyboxRoot(root);
  const layer = tarOf(root);
  rmSync(root, { recursive: true });
  const busybox = configOf(layer, busyboxConfig);
  const app = configOf(layer, appConfig);
  const manifest = [
    { Config: `${sha256(busybox)}.json`, RepoTags: ['busybox:latest'], Layers: ['layer/layer.tar'] },
    { Config: `${sha256(app)}.json`, RepoTags: ['app:1', 'app:latest'], Layers: ['layer/layer.tar'] },
  ];
  const archive = tar({
    [`${sha256(busybox)}.json`]: busybox,
    [`${sha256(app)}.json`]: app,
    'layer/layer.tar': layer,
    'manifest.json': Buffer.from(JSON.stringify(manifest)),
  });
  const ids = { busybox: `sha256:${sha256(busybox)}`, app: `sha256:${sha256(app)}` };
  return { archive, ids, layer };
}

function configOf(layer: Buffer, config: object): Buffer {
  return Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      created: '2024-03-01T10:00:00.5Z',
      author: 'Somebody',
      config,
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
      history: [
        { created: '2024-02-01T10:00:00Z', created_by: '/bin/sh -c #(nop) ADD file:root in / ' },
        {
          created: '2024-03-01T10:00:00.5Z',
          created_by: '/bin/sh -c #(nop)  CMD ["sh"]',
          comment: 'a remark',
          empty_layer: true,
        },
      ],
    }),
  );
}

function tar(files: Readonly<Record<string, Buffer>>): Buffer {
  const parts = Object.entries(files).flatMap(([name, body]) => [
    formatTarHeader({ type: 'file', name, mode: 0o644, size: body.length }),
    body,
    tarPadding(body.length),
  ]);
  return Buffer.concat([...parts, tarEnd]);
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
