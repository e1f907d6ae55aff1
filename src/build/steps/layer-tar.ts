import { packTar } from '../../oci/tar/pack.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';

/**
 * Members after which garbage is collected. Left to itself the collector lets the heap grow by the machine's memory rather than by need:
 * a copy of 50,000 files took 40 MB more.
 */
const MEMBERS_PER_COLLECTION = 16_384;

/** Copies keep these alone. */
const kept = /^(?:user\.|security\.capability$)/;

/**
 * A layer's tar of members with absolute names, the same for the same members: times in whole seconds, none after `latest` (seconds; undefined
 * for no bound).
 */
export function layerTar(
  parts: AsyncIterable<TreePart>,
  latest: number | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  return packTar(members(parts, latest ?? Number.POSITIVE_INFINITY));
}

async function* members(
  parts: AsyncIterable<TreePart>,
  latest: number,
): AsyncGenerator<TreePart, void, void> {
  let count = 0;
  for await (const part of parts) {
    if (part instanceof Uint8Array) yield part;
    else {
      yield member(part, latest);
      if (++count % MEMBERS_PER_COLLECTION === 0) Bun.gc(true);
    }
  }
}

function member(header: TarHeader, latest: number): TarHeader {
  const { type, name, linkName = '', seconds = 0, xattrs } = header;
  return {
    ...header,
    name: type === 'directory' ? `${name.slice(1) || '.'}/` : name.slice(1),
    linkName: type === 'hardlink' ? linkName.slice(1) : linkName,
    seconds: Math.min(seconds, latest),
    nanoseconds: 0,
    userName: '',
    groupName: '',
    xattrs: xattrs === undefined ? undefined : keptOf(xattrs),
  };
}

function keptOf(xattrs: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Uint8Array> {
  return new Map([...xattrs].filter(([name]) => kept.test(name)).sort(([a], [b]) => (a < b ? -1 : 1)));
}
