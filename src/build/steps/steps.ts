import type { StepMakers } from '../solver/step.ts';
import { CopyMaker } from './copy-step.ts';
import { DirectoryMaker } from './directory-step.ts';
import type { FileStepParts } from './parts.ts';
import { imageMaker, localMaker, scratchMaker } from './source-steps.ts';

/** All steps that make files; what runs commands is apart. */
export function makeSteps(parts: FileStepParts): Omit<StepMakers, 'run' | 'http' | 'git'> {
  return {
    scratch: scratchMaker,
    image: imageMaker(parts.layersOfImage),
    local: localMaker,
    copy: new CopyMaker(parts),
    directory: new DirectoryMaker(parts),
  };
}
