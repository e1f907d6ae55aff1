/**
 * Runs a seccomp filter on one call as the kernel would (Documentation/networking/filter.rst), refusing every instruction that
 * seccomp does. Returns the filter's verdict. `onStep` is called for each instruction.
 */
export function runFilter(
  program: Uint8Array,
  audit: number,
  number: number,
  args: readonly bigint[],
  onStep: () => void = () => {},
): number {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const data = seccompData(audit, number, args);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    onStep();
    const [yes, no, k] = [code.getUint8(at + 2), code.getUint8(at + 3), code.getUint32(at + 4, true)];
    const branch = (taken: boolean): number => 8 * (taken ? yes : no);
    switch (code.getUint16(at, true)) {
      case 0x06:
        return k;
      case 0x20:
        accumulator = data.getUint32(k, true);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        at += 8 * k;
        break;
      case 0x15:
        at += branch(accumulator === k);
        break;
      case 0x25:
        at += branch(accumulator > k);
        break;
      case 0x35:
        at += branch(accumulator >= k);
        break;
      default:
        throw new Error(`instruction ${code.getUint16(at, true)} is not for seccomp`);
    }
  }
  throw new Error('the filter ran past its end');
}

function seccompData(audit: number, number: number, args: readonly bigint[]): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, audit, true);
  for (const [index, value] of args.entries()) data.setBigUint64(16 + 8 * index, value, true);
  return data;
}
