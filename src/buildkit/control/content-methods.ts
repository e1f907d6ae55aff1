import { invalid, notFound } from '../../base/errors.ts';
import type { ContentStore } from '../../content/contract.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { type Methods, streaming, unary } from '../grpc/server.ts';
import {
  BlobRequest,
  BlobResponse,
  ReadBlobRequest,
  ReadBlobResponse,
} from '../protobuf/content-messages.ts';
import { timeOf } from './build-progress.ts';

const CONTENT = '/containerd.services.content.v1.Content';
/** Of one answer; clients take at most 4 MB by default. */
const MAX_PIECE = 1 << 20;

/** Blobs, to be read: what builds' records name. */
export function contentMethods(content: ContentStore): Methods {
  return {
    [`${CONTENT}/Info`]: unary(BlobRequest, BlobResponse, async ({ digest: text }) => {
      const { digest, size, modified } = await statBlob(content, text);
      const time = timeOf(modified);
      return { info: { digest, size, created: time, updated: time } };
    }),
    [`${CONTENT}/Read`]: streaming(ReadBlobRequest, ReadBlobResponse, async function* (request) {
      const { digest, size: total } = await statBlob(content, request.digest);
      let { offset } = request;
      const length = request.size === 0 ? total - offset : request.size;
      if (offset < 0 || length < 0 || offset + length > total) {
        throw invalid(`no ${length} bytes from ${offset} in a blob of ${total}`);
      }
      if (length === 0) return;
      for await (const chunk of content.read(digest, { offset, length })) {
        for (let at = 0; at < chunk.length; at += MAX_PIECE) {
          const data = chunk.subarray(at, at + MAX_PIECE);
          yield { offset, data };
          offset += data.length;
        }
      }
    }),
  };
}

async function statBlob(content: ContentStore, text: string) {
  const digest = checked(text);
  const info = await content.stat(digest);
  if (info === undefined) throw notFound(`content ${digest}: not found`);
  return info;
}

function checked(text: string): Digest {
  if (isDigest(text)) return text;
  throw invalid(`invalid digest ${JSON.stringify(text)}`);
}
