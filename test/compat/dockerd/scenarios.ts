import type { Scenario } from './scenario.ts';
import { images } from './scenarios/images.ts';
import { inspection } from './scenarios/inspection.ts';
import { lifecycle } from './scenarios/lifecycle.ts';
import { requests } from './scenarios/requests.ts';
import { run } from './scenarios/run.ts';
import { volumes } from './scenarios/volumes.ts';

/** All of them, by the name of the file that keeps dockerd's outcomes. */
export const scenarios: Readonly<Record<string, readonly Scenario[]>> = {
  lifecycle,
  run,
  inspection,
  images,
  requests,
  volumes,
};
