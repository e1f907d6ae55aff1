import { readFileSync } from 'node:fs';
import { CAPABILITIES } from '../oci/capabilities.ts';
import type { SpecCapabilities } from '../oci/runtime-spec.ts';
import type { Operation } from '../plan/operations.ts';

let lastBit: number | undefined;

/** Number of the last capability that this kernel knows (capabilities(7)). */
function lastCapability(): number {
  lastBit ??= Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  return lastBit;
}

/** Bits by number. What the kernel or Sampan does not know is left out: it cannot be given to anyone. */
export function capabilityMask(names: readonly string[], last: number = lastCapability()): bigint {
  let mask = 0n;
  for (const name of names) {
    const bit = bits.get(name);
    if (bit !== undefined && bit <= last) mask |= 1n << BigInt(bit);
  }
  return mask;
}

const bits: ReadonlyMap<string, number> = new Map(CAPABILITIES.map((name, bit) => [name, bit]));

/** The step that sets all five sets. */
export function capabilitiesStep(sets: SpecCapabilities): Operation {
  return {
    op: 'capabilities',
    bounding: capabilityMask(sets.bounding),
    effective: capabilityMask(sets.effective),
    permitted: capabilityMask(sets.permitted),
    inheritable: capabilityMask(sets.inheritable),
    ambient: capabilityMask(sets.ambient),
  };
}
