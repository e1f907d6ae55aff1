/**
 * Builds a classic BPF program (linux/filter.h) from its end to its start: jumps only go forward, so every target is known
 * when the jump to it is made, and a jump that is too far for its 8-bit offset gets a stepping stone at once.
 */
export class Assembler {
  readonly #reversed: Instruction[] = [];
  readonly #returns = new Map<number, Label>();

  /** Returns `value` to the kernel. Returns nearby are shared. */
  ret(value: number): Label {
    const shared = this.#returns.get(value);
    if (shared !== undefined && this.#distance(shared) < MAX_JUMP / 2) return shared;
    const label = this.#push({ code: RET_K, yes: 0, no: 0, k: value });
    this.#returns.set(value, label);
    return label;
  }

  /** Loads the 32-bit word at `offset` of struct seccomp_data, then goes on to `next`. */
  load(offset: number, next: Label): Label {
    this.#continueAt(next);
    return this.#push({ code: LD_W_ABS, yes: 0, no: 0, k: offset });
  }

  and(mask: number, next: Label): Label {
    this.#continueAt(next);
    return this.#push({ code: AND_K, yes: 0, no: 0, k: mask });
  }

  /** Compares the accumulator with `value`, unsigned. */
  jump(test: JumpTest, value: number, yes: Label, no: Label): Label {
    const near = this.#within(yes);
    const far = this.#within(no);
    return this.#push({
      code: jumpCodes[test],
      yes: this.#distance(near),
      no: this.#distance(far),
      k: value,
    });
  }

  /** The program that starts at `entry`: struct sock_filter array in little-endian order. */
  finish(entry: Label): Uint8Array {
    this.#continueAt(entry);
    if (this.#reversed.length > MAX_INSTRUCTIONS) {
      throw new RangeError(`the filter needs ${this.#reversed.length} instructions, more than BPF allows`);
    }
    const bytes = new Uint8Array(this.#reversed.length * 8);
    const view = new DataView(bytes.buffer);
    for (const [index, instruction] of this.#reversed.toReversed().entries()) {
      view.setUint16(index * 8, instruction.code, true);
      view.setUint8(index * 8 + 2, instruction.yes);
      view.setUint8(index * 8 + 3, instruction.no);
      view.setUint32(index * 8 + 4, instruction.k, true);
    }
    return bytes;
  }

  #push(instruction: Instruction): Label {
    this.#reversed.push(instruction);
    return this.#reversed.length as Label;
  }

  /** How many instructions lie between the next one pushed and `label`. */
  #distance(label: Label): number {
    return this.#reversed.length - label;
  }

  #continueAt(label: Label): void {
    if (this.#distance(label) > 0) this.#push({ code: JA, yes: 0, no: 0, k: this.#distance(label) });
  }

  /** `label`, or a stepping stone to it. One short of the limit: the other branch's stone may come in between. */
  #within(label: Label): Label {
    if (this.#distance(label) < MAX_JUMP) return label;
    return this.#push({ code: JA, yes: 0, no: 0, k: this.#distance(label) });
  }
}

declare const labelled: unique symbol;

/** A place in the program: the number of instructions from it to the end. */
export type Label = number & { readonly [labelled]: true };

export type JumpTest = 'equal' | 'above' | 'atLeast';

interface Instruction {
  readonly code: number;
  readonly yes: number;
  readonly no: number;
  readonly k: number;
}

const RET_K = 0x06;
const LD_W_ABS = 0x20;
const AND_K = 0x54;
const JA = 0x05;
const jumpCodes: Record<JumpTest, number> = { equal: 0x15, above: 0x25, atLeast: 0x35 };
const MAX_JUMP = 255;
/** BPF_MAXINSNS. */
const MAX_INSTRUCTIONS = 4096;
