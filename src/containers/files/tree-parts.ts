import type { TarHeader } from '../../oci/tar/writer.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';

/** What is read besides the contents: capabilities and what users set themselves. */
export const COPIED_XATTRS: readonly string[] = ['security.capability', 'user.'];

export function isHeader(part: TreePart): part is TarHeader {
  return !(part instanceof Uint8Array);
}

/** Changes headers as they pass; one that becomes undefined is left out with its data. */
export async function* mapHeaders(
  parts: AsyncIterable<TreePart>,
  change: (header: TarHeader) => TarHeader | undefined,
): AsyncGenerator<TreePart, void, void> {
  let kept = true;
  for await (const part of parts) {
    if (!isHeader(part)) {
      if (kept) yield part;
      continue;
    }
    const changed = change(part);
    kept = changed !== undefined;
    if (changed !== undefined) yield changed;
  }
}

/** A header as Docker writes it: times in whole seconds, which saves a further header for each file, and "/" after directories' names. */
export function asMember(header: TarHeader): TarHeader {
  const slash = header.type === 'directory' && !header.name.endsWith('/') ? '/' : '';
  return { ...header, name: header.name + slash, nanoseconds: 0 };
}

/** Names, and hard links' targets, that were relative to a directory, below another name: "." is `top` itself. */
export function renamed(header: TarHeader, top: string): TarHeader {
  const name = below(top, header.name);
  if (header.type !== 'hardlink') return { ...header, name };
  return { ...header, name, linkName: below(top, header.linkName ?? '') };
}

function below(top: string, name: string): string {
  if (name === '.') return top;
  return top === '/' ? `/${name}` : `${top}/${name}`;
}
