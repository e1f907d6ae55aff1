import type { CopyOperation, DirectoryOperation } from '../definition/vertex.ts';
import { identityOf } from '../solver/result.ts';
import type { Step } from '../solver/step.ts';

/** A key for which no filesystem is looked into: whatever a step takes of its inputs, they count whole. */
export function quickKey({
  operation,
  inputs,
  surroundings,
}: Step<CopyOperation | DirectoryOperation>): unknown {
  // Histories of the classic builder name what was copied by the content's key.
  if (surroundings.style === 'classic') return undefined;
  return ['whole inputs', operation, inputs.map(identityOf)];
}
