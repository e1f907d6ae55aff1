import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import { isJsonObject } from '../../base/json.ts';
import type { CacheDirectory } from '../../build/contract.ts';
import { isDigest } from '../../oci/digest.ts';
import type { Descriptor } from '../../oci/image.ts';
import { readTar } from '../../oci/tar/archive.ts';

const BLOBS = 'blobs/sha256/';
const INDEX = 'index.json';

/** Writes the blobs of an archive that is an OCI layout to a client's directory. Returns what the layout is of: its index is the client's to write. */
export async function writeLayout(
  context: Context,
  store: CacheDirectory,
  archive: AsyncIterable<Uint8Array>,
  onBytes: (total: number) => void,
): Promise<Descriptor> {
  let target: Descriptor | undefined;
  let total = 0;
  for await (const { entry, body } of readTar(archive)) {
    const digest = `sha256:${entry.name.slice(BLOBS.length)}`;
    if (entry.type === 'file' && entry.name.startsWith(BLOBS) && isDigest(digest)) {
      await store.write(context, { mediaType: '', digest, size: entry.size }, body());
      total += entry.size;
      onBytes(total);
    } else if (entry.name === INDEX) {
      target = targetIn(Buffer.concat(await Array.fromAsync(body())));
    }
  }
  if (target === undefined) throw new SampanError('internal', 'the archive of the result has no index');
  return target;
}

function targetIn(index: Buffer): Descriptor | undefined {
  const { manifests } = JSON.parse(index.toString());
  const [first] = Array.isArray(manifests) ? manifests : [];
  if (!isJsonObject(first)) return undefined;
  const { mediaType, digest, size } = first;
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || !isDigest(digest)) return undefined;
  return { mediaType, digest, size: Number(size) };
}
