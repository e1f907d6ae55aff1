import { isIPv4, isIPv6 } from 'node:net';
import { invalid } from '../../base/errors.ts';

/** The 16 bytes of an IPv6 address; IPv4 is ::ffff:a.b.c.d, so that its last four are its own. Fails with `invalid-argument`. */
export function addressBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  if (isIPv4(text)) {
    bytes.fill(0xff, 10, 12);
    bytes.set(text.split('.').map(Number), 12);
    return bytes;
  }
  if (!isIPv6(text) || text.includes('%')) throw invalid(`invalid IP address: ${text}`);
  const [head = '', tail] = text.split('::');
  bytes.set(groupBytes(head), 0);
  if (tail !== undefined) {
    const end = groupBytes(tail);
    bytes.set(end, 16 - end.length);
  }
  return bytes;
}

/** "fd00:1" or "ffff:10.0.0.1" as bytes. */
function groupBytes(groups: string): readonly number[] {
  if (groups === '') return [];
  return groups.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >>> 8, value & 255];
  });
}
