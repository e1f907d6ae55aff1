import type { Instruction } from '../../dockerfile/instructions.ts';

/** The stages, images and contexts that an instruction takes files from. */
export function inputNames(instruction: Instruction): string[] {
  if (instruction.kind === 'copy') return instruction.from === '' ? [] : [instruction.from];
  if (instruction.kind !== 'run') return [];
  return instruction.mounts.flatMap((mount) => /(?:^|,)"?from=([^,$"]+)(?:[,"]|$)/i.exec(mount)?.[1] ?? []);
}
