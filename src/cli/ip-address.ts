/** 4, 6 or 0 for no address at all. Written here because loading node:net costs a third of a short command's time. */
export function isIP(text: string): 0 | 4 | 6 {
  if (isIPv4(text)) return 4;
  return isIPv6(text) ? 6 : 0;
}

function isIPv4(text: string): boolean {
  const parts = text.split('.');
  return (
    parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
  );
}

function isIPv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    if (half === '') continue;
    const parts = half.split(':');
    const last = parts.at(-1) ?? '';
    const endsAddress = index === halves.length - 1;
    const embedsIPv4 = endsAddress && isIPv4(last);
    const plain = embedsIPv4 ? parts.slice(0, -1) : parts;
    if (!plain.every((part) => /^[\da-fA-F]{1,4}$/.test(part))) return false;
    groups += plain.length + (embedsIPv4 ? 2 : 0);
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

export function isLoopback(text: string): boolean {
  return (isIP(text) === 4 && text.startsWith('127.')) || (isIP(text) === 6 && text === '::1');
}
