/** Orders runs of digits by value, everything else by character: `80/tcp` before `443/tcp`. */
export function compareNaturally(left: string, right: string): number {
  const a = left.match(/\d+|\D/g) ?? [];
  const b = right.match(/\d+|\D/g) ?? [];
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const x = a[index] ?? '';
    const y = b[index] ?? '';
    if (x === y) continue;
    const bothNumbers = /^\d/.test(x) && /^\d/.test(y);
    if (bothNumbers && Number(x) !== Number(y)) return Number(x) - Number(y);
    if (bothNumbers) return x.length - y.length;
    return x < y ? -1 : 1;
  }
  return a.length - b.length;
}
