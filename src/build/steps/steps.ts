import type { StepMakers } from '../solver/step.ts';
import { CopyMaker } from './copy-step.ts';
import { DirectoryMaker } from './directory-step.ts';
import type { FileStepParts } from './parts.ts';
import { gitMaker, httpMaker } from './remote-steps.ts';
import { imageMaker, localMaker, scratchMaker } from './source-steps.ts';

/** All steps that make files; what runs commands is apart. */
export function makeSteps(parts: FileStepParts): Omit<StepMakers, 'run'> {
  return {
    scratch: scratchMaker,
    image: imageMaker(parts.layersOfImage),
    local: localMaker,
    http: httpMaker(parts),
    git: gitMaker(parts),
    copy: new CopyMaker(parts),
    directory: new DirectoryMaker(parts),
  };
}
