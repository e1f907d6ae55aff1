import { messageOf } from '../../src/base/errors.ts';
import type { TarEntry } from '../../src/oci/tar/entry.ts';
import { TarReader } from '../../src/oci/tar/reader.ts';

/** The members of a tar, one text each; the text itself of what is none. */
export function membersOf(archive: Uint8Array): readonly string[] {
  const reader = new TarReader();
  const members: string[] = [];
  try {
    for (const event of reader.feed(archive)) {
      if (!(event instanceof Uint8Array)) members.push(textOf(event));
      else members.push(`${members.pop()} ${JSON.stringify(Buffer.from(event).toString())}`);
    }
    reader.finish();
    return members;
  } catch (reason) {
    return [`not a tar (${messageOf(reason)}): ${Buffer.from(archive).toString().slice(0, 100)}`];
  }
}

function textOf(entry: TarEntry): string {
  const mode = entry.mode.toString(8).padStart(4, '0');
  const link = entry.linkName === '' ? '' : ` -> ${entry.linkName}`;
  const owner = `${entry.uid}:${entry.gid} ${entry.userName}:${entry.groupName}`;
  return `${entry.type} ${entry.name}${link} ${mode} ${owner} ${entry.seconds}.${entry.nanoseconds} ${entry.size}`;
}
