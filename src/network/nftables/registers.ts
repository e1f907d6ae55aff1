import { type Bytes, unknown } from './packet.ts';

/** Whether something is so: where it depends on what is not known, perhaps. */
export type Answer = 'yes' | 'no' | 'perhaps';

export function not(answer: Answer): Answer {
  return answer === 'perhaps' ? answer : answer === 'yes' ? 'no' : 'yes';
}

export function both(a: Answer, b: Answer): Answer {
  if (a === 'no' || b === 'no') return 'no';
  return a === 'yes' && b === 'yes' ? 'yes' : 'perhaps';
}

/** NFT_REG_1 to 4 are sixteen bytes each, NFT_REG32_00 (8) and on four of the same. */
const SIZE = 64;

/** The registers of one rule's evaluation. */
export class Registers {
  readonly #bytes: (number | undefined)[] = [...unknown(SIZE)];

  read(register: number, length: number): Bytes {
    const start = startOf(register);
    return Array.from({ length }, (_, index) => this.#bytes[start + index]);
  }

  /** Fills whole registers. */
  write(register: number, value: Bytes): void {
    const start = startOf(register);
    for (let index = 0; index < ((value.length + 3) & ~3); index++) {
      this.#bytes[start + index] = index < value.length ? value[index] : 0;
    }
  }

  /** What was put there cannot be known. */
  forget(register: number): void {
    this.write(register, unknown(16));
  }
}

function startOf(register: number): number {
  return register >= 8 ? (register - 8) * 4 : Math.max(0, register - 1) * 16;
}

export function equals(value: Bytes, data: Uint8Array): Answer {
  let answer: Answer = 'yes';
  for (const [index, byte] of data.entries()) {
    const known = value[index];
    if (known === undefined) answer = 'perhaps';
    else if (known !== byte) return 'no';
  }
  return answer;
}

/** Less (-1), equal (0) or more (1) than `data` in the order of memcmp; undefined where that is not known. */
export function compare(value: Bytes, data: Uint8Array): number | undefined {
  for (const [index, byte] of data.entries()) {
    const known = value[index];
    if (known === undefined) return undefined;
    if (known !== byte) return known < byte ? -1 : 1;
  }
  return 0;
}

export function within(value: Bytes, first: Uint8Array, last: Uint8Array): Answer {
  const low = compare(value, first);
  const high = compare(value, last);
  if (low === -1 || high === 1) return 'no';
  return low === undefined || high === undefined ? 'perhaps' : 'yes';
}
