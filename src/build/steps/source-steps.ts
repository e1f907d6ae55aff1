import { internal } from '../../base/errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ImageOperation, LocalOperation, Operation } from '../definition/vertex.ts';
import type { StepMaker } from '../solver/step.ts';

/** Nothing. */
export const scratchMaker: StepMaker<Extract<Operation, { kind: 'scratch' }>> = {
  key: async () => undefined,
  make: async () => ({ kind: 'layers', layers: [] }),
};

/** The layers of an image that is here; the build holds them. */
export function imageMaker(layersOf: (image: Digest) => readonly Digest[]): StepMaker<ImageOperation> {
  return {
    key: async () => undefined,
    make: async ({ operation, lease }) => {
      const layers = layersOf(operation.image);
      for (const layer of layers) lease.hold(layer);
      return { kind: 'layers', layers };
    },
  };
}

/** A context that the build came with. */
export const localMaker: StepMaker<LocalOperation> = {
  key: async () => undefined,
  make: async ({ operation: { name }, surroundings }) => {
    const tree = name === 'context' ? surroundings.context : surroundings.namedContexts[name];
    if (tree === undefined || 'image' in tree)
      throw internal(`the build has no context ${JSON.stringify(name)}`);
    return { kind: 'files', tree };
  },
};
