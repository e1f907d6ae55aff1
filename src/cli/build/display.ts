import type { BuildEvent } from '../../wire/build-messages.ts';
import type { BuildTrace } from './trace.ts';

/** Shows a build as it goes on. */
export interface BuildDisplay {
  readonly trace: BuildTrace;
  apply(event: BuildEvent): void;
  /** Leaves the terminal to others for a while. */
  pause(): void;
  redraw(): void;
  /** Nothing more comes. */
  close(): void;
}
