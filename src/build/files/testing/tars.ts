import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../../oci/tar/writer.ts';

export type Member = Omit<TarHeader, 'type'> & { readonly type?: TarHeader['type']; readonly text?: string };

/** An archive: names that end in "/" are directories, others files with a text, unless the type says otherwise. */
export function tarOf(...members: readonly Member[]): Buffer {
  const blocks = members.map(({ text = '', ...member }) => {
    const data = Buffer.from(text);
    const type = member.type ?? (member.name.endsWith('/') ? 'directory' : 'file');
    const mode = type === 'directory' ? 0o755 : 0o644;
    const header = formatTarHeader({ mode, ...member, type, size: data.length });
    return Buffer.concat([header, data, tarPadding(data.length)]);
  });
  return Buffer.concat([...blocks, tarEnd]);
}

/** A stream of the bytes in pieces. */
export async function* pieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
