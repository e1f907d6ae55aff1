import { detectCompression, peek } from '../../oci/compression.ts';
import { BLOCK } from '../../oci/tar/entry.ts';
import { isZeroBlock, readHeader } from '../../oci/tar/header.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import { CommandError } from '../command-error.ts';

/** More than anybody writes; a device that never ends must not fill the memory. */
const MAX_DOCKERFILE = 16 << 20;

/** What comes is an archive, or a Dockerfile to build from nothing else. `file` names the Dockerfile in an archive. Throws CommandError. */
export async function contextFromInput(
  input: AsyncIterable<Uint8Array>,
  file: string,
): Promise<{ readonly dockerfile: string; readonly body: AsyncIterable<Uint8Array> }> {
  const { head, rest } = await peek(input, BLOCK);
  if (isArchive(head)) return { dockerfile: file, body: rest };
  if (file !== '') {
    throw new CommandError(
      'unable to prepare context: ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles',
    );
  }
  const text = await readDockerfile(rest);
  return { dockerfile: 'Dockerfile', body: alone('Dockerfile', text) };
}

export async function readDockerfile(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of input) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_DOCKERFILE) {
      throw new CommandError(
        `unable to prepare context: the Dockerfile on standard input is larger than ${MAX_DOCKERFILE} bytes`,
      );
    }
  }
  return Buffer.concat(chunks);
}

function isArchive(head: Uint8Array): boolean {
  if (detectCompression(head) !== 'none') return true;
  if (head.length < BLOCK) return false;
  const block = Buffer.from(head.subarray(0, BLOCK));
  try {
    readHeader(block);
    return true;
  } catch {
    return isZeroBlock(block);
  }
}

async function* alone(name: string, bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  const seconds = Math.floor(Date.now() / 1000);
  yield formatTarHeader({ type: 'file', name, mode: 0o644, size: bytes.length, seconds });
  if (bytes.length > 0) yield bytes;
  yield tarPadding(bytes.length);
  yield tarEnd;
}
