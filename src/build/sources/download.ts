import { createHash } from 'node:crypto';
import type { Context } from '../../base/context.ts';
import { invalid, SampanError } from '../../base/errors.ts';
import { isJsonObject } from '../../base/json.ts';
import { type Digest, digestOf, finishDigest, hexOf, isDigest } from '../../oci/digest.ts';
import { fromText } from '../../oci/tar/entry.ts';
import type { HttpOperation } from '../definition/vertex.ts';
import { oneFileTree } from '../files/one-file.ts';
import type { Pack } from '../files/pack.ts';
import type { PackedTree } from '../files/packed-tree.ts';
import { plain, request, shown } from './http-request.ts';
import type { KeptSources, NewSource } from './kept-sources.ts';

export interface DownloadOptions {
  readonly maxBytes?: number;
  readonly onProgress?: (current: number, total: number) => void;
}

/** A file that was downloaded, and how to ask whether it is the same still. */
interface Downloaded {
  readonly pack: Pack;
  readonly content: Digest;
  readonly seconds: number;
  /** What its server calls this version; empty when it says nothing. */
  readonly version: Readonly<Record<string, string>>;
  readonly name: string;
}

const MAX_BYTES = 2 ** 36;

/** Files from the web. They are kept, and only asked about again where their server says what version they are. */
export class Downloads {
  readonly #kept: KeptSources;

  constructor(kept: KeptSources) {
    this.#kept = kept;
  }

  /**
   * A tree of the one file, with Docker's rules: root's, mode 0600, of the time that the server says (else the epoch). Fails with
   * `invalid-argument` on another content than the checksum's, with `exhausted` above the limit.
   */
  async get(context: Context, operation: HttpOperation, options: DownloadOptions = {}): Promise<PackedTree> {
    const { url, checksum } = operation;
    const kept = this.#take(url);
    if (kept !== undefined && kept.content === checksum) return treeOf(operation, kept);
    const response = await request(context.signal, url, kept?.version ?? {});
    if (kept !== undefined && response.status === 304) return treeOf(operation, checked(kept, checksum));
    kept?.pack[Symbol.dispose]();
    if (!response.ok) {
      await response.body?.cancel();
      throw new SampanError('unavailable', `${shown(url)}: invalid response status ${response.status}`);
    }
    using pending = this.#kept.begin();
    const downloaded = await receive(context, response, url, pending.pack, options);
    await pending.keep(sourceOf(url, downloaded));
    return treeOf(operation, checked(downloaded, checksum));
  }

  #take(url: string): Downloaded | undefined {
    const source = this.#kept.take(idOf(url));
    if (source === undefined) return undefined;
    const { facts, pack } = source;
    const { content, seconds, name, version } = facts;
    const isKnown = typeof content === 'string' && isDigest(content) && typeof seconds === 'number';
    if (!isKnown || typeof name !== 'string' || !isJsonObject(version)) return undefined;
    const headers = Object.entries(version).map(([header, value]) => [header, String(value)]);
    return { pack, content, seconds, name, version: Object.fromEntries(headers) };
  }
}

/** Whoever asks with another password asks for another file. */
function idOf(url: string): string {
  return hexOf(digestOf(JSON.stringify(['http', url])));
}

function sourceOf(url: string, { content, seconds, version, name }: Downloaded): NewSource {
  return {
    ...{ id: idOf(url), type: 'source.http', description: `http url ${plain(url)}` },
    facts: { content, seconds, version, name },
  };
}

function treeOf({ filename }: HttpOperation, { pack, name, content, seconds }: Downloaded): PackedTree {
  const called = filename === '__unnamed__' && name !== '' ? name : filename;
  return oneFileTree(pack, fromText(called), content, seconds);
}

function checked(downloaded: Downloaded, checksum: string): Downloaded {
  if (checksum === '' || checksum === downloaded.content) return downloaded;
  throw invalid(`digest mismatch ${downloaded.content}: ${checksum}`);
}

async function receive(
  context: Context,
  response: Response,
  url: string,
  pack: Pack,
  { maxBytes = MAX_BYTES, onProgress }: DownloadOptions,
): Promise<Downloaded> {
  const total = Number(response.headers.get('content-length') ?? 0);
  const hash = createHash('sha256');
  try {
    for await (const chunk of response.body ?? []) {
      context.signal.throwIfAborted();
      if (pack.size + chunk.length > maxBytes) {
        throw new SampanError('exhausted', `${shown(url)} is larger than the allowed ${maxBytes} bytes`);
      }
      hash.update(chunk);
      await pack.write(chunk);
      onProgress?.(pack.size, total);
    }
    await pack.finish();
    if (pack.size < total) throw new SampanError('unavailable', `${shown(url)}: the download broke off`);
  } catch (error) {
    pack[Symbol.dispose]();
    throw error;
  }
  const { headers } = response;
  return {
    pack,
    content: finishDigest(hash),
    seconds: timeOf(headers),
    version: versionOf(headers),
    name: nameOf(headers),
  };
}

function timeOf(headers: Headers): number {
  const milliseconds = Date.parse(headers.get('last-modified') ?? '');
  return Number.isNaN(milliseconds) ? 0 : Math.floor(milliseconds / 1000);
}

function versionOf(headers: Headers): Readonly<Record<string, string>> {
  const tag = headers.get('etag');
  if (tag !== null) return { 'if-none-match': tag };
  const time = headers.get('last-modified');
  return time === null ? {} : { 'if-modified-since': time };
}

/** What a server calls a file that has no name in its URL: a name alone, whatever it says. */
function nameOf(headers: Headers): string {
  const disposition = headers.get('content-disposition') ?? '';
  const [, quoted, plain] = /filename="([^"\\]*)"|filename=([^";\s]+)/i.exec(disposition) ?? [];
  const name = (quoted ?? plain ?? '').replace(/^.*\//, '');
  return name === '.' || name === '..' || name.includes('\0') || name.length > 255 ? '' : name;
}
