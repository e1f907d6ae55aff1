import { digestOf } from '../../oci/digest.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';

export type Files = Readonly<Record<string, string | Uint8Array>>;

/** A tar of regular files. */
export function tar(files: Files): Buffer {
  const parts = Object.entries(files).flatMap(([name, data]) => {
    const body = Buffer.from(data as string);
    return [
      formatTarHeader({ type: 'file', name, mode: 0o644, size: body.length }),
      body,
      tarPadding(body.length),
    ];
  });
  return Buffer.concat([...parts, tarEnd]);
}

export async function* stream(bytes: Uint8Array, size = 1_000): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

/** An image configuration over these layers. */
export function configOf(layers: readonly Uint8Array[], extra: object = {}): string {
  const rootfs = { type: 'layers', diff_ids: layers.map((bytes) => digestOf(bytes)) };
  return JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Cmd: ['sh'] }, rootfs, ...extra });
}

/** An archive as docker wrote it before version 25. */
export function savedArchive(
  layers: readonly Uint8Array[],
  tags: readonly string[] | null,
  config = configOf(layers),
): Buffer {
  const id = digestOf(config).slice(7);
  const names = layers.map((_, index) => `${index}/layer.tar`);
  return tar({
    ...Object.fromEntries(layers.map((bytes, index) => [names[index] ?? '', bytes])),
    [`${id}.json`]: config,
    'manifest.json': JSON.stringify([{ Config: `${id}.json`, RepoTags: tags, Layers: names }]),
  });
}
